//! [`Registers`] on RocksDB: one column family, compare-and-swap under the one right to write.

use std::path::Path;

use rocksdb::WriteBatch;

use super::database::{Database, Layout};
use super::settings::{Access, Family};
use crate::registers::conflict;
use crate::{Registers, StoreError};

const VALUES: &str = "values";
const FAMILIES: &[Family] = &[Family::new(VALUES, Access::Few)];

/// Octets of its caches: some hundred octets a register, of which there may be tens of thousands.
const CACHE_LEN: usize = 64 << 20;

/// Durable registers in one directory.
#[derive(Debug)]
pub struct RocksRegisters {
    database: Database,
}

fn layout() -> Layout<'static> {
    Layout {
        families: FAMILIES,
        label: "an Ishibumi register store, version 1".into(),
        cache_len: CACHE_LEN,
    }
}

impl RocksRegisters {
    /// Makes an empty store at `path`, where there is nothing or an empty directory.
    ///
    /// # Errors
    /// [`StoreError`], if the directory is not empty, or cannot be written.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let database = Database::create(path.as_ref(), &layout(), |_, _| {})?;
        Ok(Self { database })
    }

    /// Opens the store at `path`. Never creates.
    ///
    /// # Errors
    /// [`StoreError`], if there is no such store, it is in use or damaged, or the disk lacks space.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let database = Database::open(path.as_ref(), &layout())?;
        Ok(Self { database })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.database.path()
    }
}

impl Registers for RocksRegisters {
    fn read(&self, name: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let what = || format!("register {}", name.escape_ascii());
        let value = self.database.read(VALUES, name, what)?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn swap(&self, name: &[u8], expected: Option<&[u8]>, new: &[u8]) -> Result<(), StoreError> {
        let mut writing = self.database.writing()?;
        let found = self.read(name)?;
        if found.as_deref() != expected {
            return Err(conflict(name, expected, found.as_deref()));
        }
        let mut batch = WriteBatch::default();
        batch.put_cf(self.database.family(VALUES), name, new);
        writing.commit(batch, "wrote a register")
    }

    fn names(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        self.database
            .range(VALUES, &[], None)
            .map(|row| row.map(|(name, _)| name.into_vec()))
            .collect()
    }
}
