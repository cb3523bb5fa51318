//! The extension nameConstraints, read: the bases of its subtrees (RFC 5280 4.2.1.10).

use crate::asn1::{self, Asn1Error, Reader, SEQUENCE, context, context_constructed};
use crate::general_name::GeneralName;

/// The bases of the subtrees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameConstraints {
    pub(crate) permitted: Vec<GeneralName>,
    pub(crate) excluded: Vec<GeneralName>,
}

impl NameConstraints {
    /// From the extension's value. Neither the whole nor one of its two parts may be empty.
    pub(crate) fn read(value: &[u8]) -> Result<Self, Asn1Error> {
        let mut fields = asn1::only(Reader::der(value), SEQUENCE)?.reader();
        let mut bases = |tag| -> Result<Vec<GeneralName>, Asn1Error> {
            let Some(subtrees) = fields.optional(tag)? else {
                return Ok(Vec::new());
            };
            let mut subtrees = subtrees.reader();
            let mut bases = vec![read_subtree(subtrees.expect(SEQUENCE)?.reader())?];
            while let Some(subtree) = subtrees.optional(SEQUENCE)? {
                bases.push(read_subtree(subtree.reader())?);
            }
            subtrees.finish()?;
            Ok(bases)
        };
        let read = Self {
            permitted: bases(context_constructed(0))?,
            excluded: bases(context_constructed(1))?,
        };
        fields.finish()?;
        if read.permitted.is_empty() && read.excluded.is_empty() {
            return Err(Asn1Error::Value("nameConstraints is empty"));
        }
        Ok(read)
    }
}

/// The base; minimum has to be zero and maximum absent.
fn read_subtree(mut fields: Reader<'_>) -> Result<GeneralName, Asn1Error> {
    let base = fields
        .next()?
        .ok_or(Asn1Error::Value("a subtree has no base"))?;
    if let Some(minimum) = fields.optional(context(0))?
        && minimum.unsigned()? != 0
    {
        return Err(Asn1Error::Value("a subtree has a minimum"));
    }
    fields.finish()?;
    GeneralName::read(&base)
}
