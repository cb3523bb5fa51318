//! Bounded fields and the presentation language of TLS (RFC 8446 section 3): big-endian numbers,
//! `opaque<min..max>` with a length prefix as wide as `max` needs.
//!
//! The bounds are in the types, so a record that exists can be encoded, always to the same octets,
//! and never beyond 65,535 of them.

use thiserror::Error;

use crate::time::{Time, TimeError};

/// The version that this crate writes and reads.
pub const RECORD_VERSION: u8 = 1;

/// Why octets are not a record.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordError {
    /// The record ends inside a field.
    #[error("the record ends inside field `{field}`: {needed} octets wanted, {found} left")]
    Truncated {
        /// Field's name as in docs/formats/record.md.
        field: &'static str,
        /// Octets wanted.
        needed: usize,
        /// Octets left.
        found: usize,
    },
    /// Octets follow the last field.
    #[error("{octets} octets follow the record")]
    Trailing {
        /// Number of octets left over.
        octets: usize,
    },
    /// A field's length is outside its bounds.
    #[error("field `{field}` has {length} octets; {min} to {max} are allowed")]
    Bounds {
        /// Field's name.
        field: &'static str,
        /// Its length.
        length: usize,
        /// Smallest length allowed, in octets or members.
        min: usize,
        /// Largest length allowed, in octets or members.
        max: usize,
    },
    /// A number has a value that the format does not know.
    #[error("field `{field}` has the value {value}, which the format does not allow")]
    Value {
        /// Field's name.
        field: &'static str,
        /// Its value.
        value: u64,
    },
    /// A time field is not the time that it should be.
    #[error("field `{field}`: {source}")]
    Time {
        /// Field's name.
        field: &'static str,
        /// Why the time cannot be read.
        source: TimeError,
    },
    /// A checkpoint field holds something else.
    #[error("field `checkpoint` is no checkpoint without extension lines (C2SP tlog-checkpoint)")]
    Checkpoint,
    /// A record version that this reader does not know.
    #[error("record version {0}; this reader knows version 1")]
    Version(u8),
    /// Longer than 65,535 octets or shorter than 3.
    #[error("a record of {0} octets; 3 to 65,535 are allowed")]
    Size(usize),
}

/// `opaque<MIN..MAX>`: octets whose number is within bounds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Opaque<const MIN: usize, const MAX: usize>(Vec<u8>);

impl<const MIN: usize, const MAX: usize> Opaque<MIN, MAX> {
    /// Takes octets; fails outside MIN..=MAX. `field` names them in the error.
    ///
    /// # Errors
    /// [`RecordError::Bounds`] for fewer than `MIN` or more than `MAX` octets.
    pub fn new(field: &'static str, octets: impl Into<Vec<u8>>) -> Result<Self, RecordError> {
        let octets = octets.into();
        if (MIN..=MAX).contains(&octets.len()) {
            Ok(Self(octets))
        } else {
            Err(RecordError::Bounds {
                field,
                length: octets.len(),
                min: MIN,
                max: MAX,
            })
        }
    }

    /// The octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The 15 octets `YYYYMMDDHHMMSSZ` of a GeneralizedTime without a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Moment(Time);

impl Moment {
    /// Drops the fraction, which these fields never have where they are signed. Fails for years
    /// outside 0000 to 9999.
    ///
    /// # Errors
    /// [`RecordError::Time`] for years outside 0000 to 9999.
    pub fn new(field: &'static str, time: Time) -> Result<Self, RecordError> {
        let whole = Time::from_unix(time.unix_seconds());
        Time::from_generalized(whole.to_generalized().as_bytes())
            .map(Self)
            .map_err(|source| RecordError::Time { field, source })
    }

    /// As a time.
    pub const fn time(self) -> Time {
        self.0
    }
}

/// Builds a record's octets. Every write is infallible: bounds are in the types.
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    pub(crate) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn fixed(&mut self, octets: &[u8]) {
        self.0.extend_from_slice(octets);
    }

    pub(crate) fn opaque<const MIN: usize, const MAX: usize>(&mut self, octets: &Opaque<MIN, MAX>) {
        self.prefixed(octets.as_bytes(), MAX);
    }

    /// A length prefix of one octet if `max` is below 256, of two otherwise.
    pub(crate) fn prefixed(&mut self, octets: &[u8], max: usize) {
        let length = u16::try_from(octets.len()).unwrap_or(u16::MAX);
        assert!(
            octets.len() <= max && u16::try_from(max).is_ok(),
            "bounds are in the types"
        );
        let [high, low] = length.to_be_bytes();
        if max > 0xff {
            self.u8(high);
        }
        self.u8(low);
        self.fixed(octets);
    }

    pub(crate) fn moment(&mut self, moment: Moment) {
        self.fixed(moment.0.to_generalized().as_bytes());
    }
}

/// Takes a record's octets apart.
pub(crate) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    pub(crate) fn take(
        &mut self,
        field: &'static str,
        count: usize,
    ) -> Result<&'a [u8], RecordError> {
        match self.0.split_at_checked(count) {
            Some((taken, rest)) => {
                self.0 = rest;
                Ok(taken)
            }
            None => Err(RecordError::Truncated {
                field,
                needed: count,
                found: self.0.len(),
            }),
        }
    }

    pub(crate) fn array<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<[u8; N], RecordError> {
        let taken = self.take(field, N)?;
        taken.try_into().map_err(|_| RecordError::Truncated {
            field,
            needed: N,
            found: taken.len(),
        })
    }

    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, RecordError> {
        self.array(field).map(|[value]| value)
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, RecordError> {
        self.array(field).map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, RecordError> {
        self.array(field).map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self, field: &'static str) -> Result<u64, RecordError> {
        self.array(field).map(u64::from_be_bytes)
    }

    pub(crate) fn opaque<const MIN: usize, const MAX: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<Opaque<MIN, MAX>, RecordError> {
        let length = self.length(field, MAX)?;
        if !(MIN..=MAX).contains(&length) {
            return Err(RecordError::Bounds {
                field,
                length,
                min: MIN,
                max: MAX,
            });
        }
        Opaque::new(field, self.take(field, length)?)
    }

    pub(crate) fn length(&mut self, field: &'static str, max: usize) -> Result<usize, RecordError> {
        if max > 0xff {
            self.u16(field).map(usize::from)
        } else {
            self.u8(field).map(usize::from)
        }
    }

    pub(crate) fn moment(&mut self, field: &'static str) -> Result<Moment, RecordError> {
        let time = Time::from_generalized(self.take(field, 15)?);
        time.map(Moment)
            .map_err(|source| RecordError::Time { field, source })
    }

    /// A moment or nothing, as `opaque<0..15>`.
    pub(crate) fn optional_moment(
        &mut self,
        field: &'static str,
    ) -> Result<Option<Moment>, RecordError> {
        match self.u8(field)? {
            0 => Ok(None),
            15 => self.moment(field).map(Some),
            other => Err(RecordError::Value {
                field,
                value: other.into(),
            }),
        }
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn finish(&self) -> Result<(), RecordError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(RecordError::Trailing {
                octets: self.0.len(),
            })
        }
    }
}

impl Writer {
    pub(crate) fn optional_moment(&mut self, moment: Option<Moment>) {
        match moment {
            Some(moment) => {
                self.u8(15);
                self.moment(moment);
            }
            None => self.u8(0),
        }
    }
}
