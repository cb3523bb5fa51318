//! Input beside an artifact: proofs, as octets or already parsed, and lists and responses.

use std::borrow::Cow;

use ishibumi_tlog::Hash;
use ishibumi_tlog::foreign::{Unread, named};
use ishibumi_tlog::proof::{ProofFileError, TlogProof};

/// A `tlog-proof@v1`, as the octets of its file or already parsed.
#[derive(Clone, Copy, Debug)]
pub enum GivenProof<'a> {
    /// The octets of the file.
    File(&'a [u8]),
    /// The parsed proof.
    Read(&'a TlogProof),
}

impl<'a> From<&'a [u8]> for GivenProof<'a> {
    fn from(file: &'a [u8]) -> Self {
        Self::File(file)
    }
}

impl<'a> From<&'a Vec<u8>> for GivenProof<'a> {
    fn from(file: &'a Vec<u8>) -> Self {
        Self::File(file)
    }
}

impl<'a> From<&'a TlogProof> for GivenProof<'a> {
    fn from(proof: &'a TlogProof) -> Self {
        Self::Read(proof)
    }
}

impl<'a> GivenProof<'a> {
    pub(super) fn read(self) -> Result<Cow<'a, TlogProof>, Unread<ProofFileError>> {
        match self {
            Self::File(file) => named(TlogProof::parse(file), file).map(Cow::Owned),
            Self::Read(proof) => Ok(Cow::Borrowed(proof)),
        }
    }

    fn digest(self) -> Hash {
        match self {
            Self::File(file) => Hash::of(file),
            Self::Read(proof) => Hash::of(proof.encode().as_bytes()),
        }
    }
}

/// A revocation list or an OCSP response, and the proof that it is in the log, if there is one.
#[derive(Clone, Copy, Debug)]
pub struct RevocationData<'a> {
    name: &'a str,
    octets: &'a [u8],
    digest: Hash,
    proof: Option<(GivenProof<'a>, Hash)>,
}

impl<'a> RevocationData<'a> {
    /// A CRL or an OCSPResponse, DER or PEM. `name` is what the caller calls it, such as a path; it
    /// is in the report.
    pub fn new(name: &'a str, octets: &'a [u8]) -> Self {
        Self {
            name,
            octets,
            digest: Hash::of(octets),
            proof: None,
        }
    }

    /// Adds the proof that this list or response is in the log, if there is one: the time before
    /// which it existed decides about what a revoked CA signed.
    #[must_use]
    pub fn proof(mut self, proof: Option<impl Into<GivenProof<'a>>>) -> Self {
        self.proof = proof.map(Into::into).map(|proof| (proof, proof.digest()));
        self
    }

    pub(super) const fn name(&self) -> &'a str {
        self.name
    }

    pub(super) const fn octets(&self) -> &'a [u8] {
        self.octets
    }

    pub(super) fn given_proof(&self) -> Option<GivenProof<'a>> {
        self.proof.map(|(proof, _)| proof)
    }

    /// Digests of name, list and proof: everything that a verdict about them depends on.
    pub(super) fn digests(&self) -> [Hash; 3] {
        let none = Hash::of(&[]);
        let proof = self.proof.map_or(none, |(_, digest)| digest);
        [Hash::of(self.name.as_bytes()), self.digest, proof]
    }
}
