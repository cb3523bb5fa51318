//! Writes an export. All of it goes into a folder beside, `OUT.partial`, which is synced and
//! renamed at the end: under its own name there is a whole archive or nothing. Existing files are
//! never written over.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use ishibumi_tlog::hash::Hash;

use crate::names;
use crate::volume::{VolumeError, VolumeWriter};

/// The form in which an archive is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Files in folders, which any web server serves as a tlog-tiles log.
    Tree,
    /// ZIP volumes, each of which verifies itself. Unpacked into one folder, they are the tree.
    Volumes,
}

/// Why an export could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// It is there already.
    #[error("{0} exists, and nothing is written over: name another place")]
    Exists(String),
    /// The rest of an interrupted export, or one that is still running.
    #[error(
        "{0} exists: another export to this place is running, or was interrupted; if none runs, remove it \
         and start again"
    )]
    Begun(String),
    /// The disk is full.
    #[error("{0}: the disk is full; what had been written was removed again")]
    Full(String),
    /// The disk.
    #[error("{path}: {error}")]
    Io {
        /// Path of the file.
        path: String,
        /// The error of the system.
        error: io::Error,
    },
    /// More than a volume holds.
    #[error("{path}: {error}; export a tree instead")]
    Volume {
        /// Path of the volume.
        path: String,
        /// Which limit it exceeds.
        error: VolumeError,
    },
}

/// An export that is being written. Dropped before [`Sink::finish`], it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Sink {
    form: Form,
    out: PathBuf,
    partial: PathBuf,
    finished: bool,
    open: Option<Open>,
    /// Folders that files were put in, to be synced.
    folders: BTreeSet<PathBuf>,
}

/// The volume that is being written; of a tree, a part that has a list of sums of its own.
#[derive(Debug)]
struct Open {
    name: String,
    sums: String,
    volume: Option<(PathBuf, VolumeWriter<BufWriter<File>>)>,
}

impl Sink {
    pub(crate) fn create(out: &Path, form: Form) -> Result<Self, SinkError> {
        let out = out.to_owned();
        if fs::symlink_metadata(&out).is_ok() {
            return Err(SinkError::Exists(out.display().to_string()));
        }
        let name = out.file_name().map_or_else(OsString::new, OsString::from);
        let mut partial = name;
        partial.push(".partial");
        let partial = out.with_file_name(partial);
        fs::create_dir(&partial).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => SinkError::Begun(partial.display().to_string()),
            _ => io_error(&partial, error),
        })?;
        Ok(Self {
            form,
            folders: BTreeSet::from([partial.clone()]),
            out,
            partial,
            finished: false,
            open: None,
        })
    }

    /// Begins the volume `name`.
    pub(crate) fn begin(&mut self, name: &str) -> Result<(), SinkError> {
        let volume = match self.form {
            Form::Tree => None,
            Form::Volumes => {
                let path = self.partial.join(format!("{name}.zip"));
                let file = create(&path)?;
                Some((path, VolumeWriter::new(BufWriter::new(file))))
            }
        };
        self.open = Some(Open {
            name: name.to_owned(),
            sums: String::new(),
            volume,
        });
        Ok(())
    }

    /// Writes a file into the volume. A file that several volumes repeat is in a tree once.
    pub(crate) fn add(&mut self, path: &str, octets: &[u8]) -> Result<(), SinkError> {
        if let Some(open) = &mut self.open {
            let sum = Hash::of(octets).to_hex();
            open.sums += &sum;
            open.sums += "  ";
            open.sums += path;
            open.sums.push('\n');
        }
        self.put(path, octets)
    }

    /// Ends the volume with its list of sums.
    pub(crate) fn end(&mut self) -> Result<(), SinkError> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let (name, sums) = (names::sums(&open.name), std::mem::take(&mut open.sums));
        self.put(&name, sums.as_bytes())?;
        let volume = self.open.take().and_then(|open| open.volume);
        if let Some((path, writer)) = volume {
            let out = writer
                .finish()
                .map_err(|error| volume_error(&path, error))?;
            let file = out
                .into_inner()
                .map_err(|error| io_error(&path, error.into_error()))?;
            file.sync_all().map_err(|error| io_error(&path, error))?;
        }
        Ok(())
    }

    fn put(&mut self, path: &str, octets: &[u8]) -> Result<(), SinkError> {
        let volume = self.open.as_mut().and_then(|open| open.volume.as_mut());
        if let Some((file, writer)) = volume {
            return writer
                .add(path, octets)
                .map_err(|error| volume_error(file, error));
        }
        let file = self.partial.join(path);
        let mut folder = file.parent();
        while let Some(above) = folder.filter(|folder| !self.folders.contains(*folder)) {
            self.folders.insert(above.to_owned());
            folder = above.parent();
        }
        let folder = file.parent().unwrap_or(&self.partial);
        fs::create_dir_all(folder).map_err(|error| io_error(folder, error))?;
        let mut made = match create(&file) {
            Err(SinkError::Io { error, .. }) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Ok(());
            }
            made => made?,
        };
        let written = made.write_all(octets).and_then(|()| made.sync_all());
        written.map_err(|error| io_error(&file, error))
    }

    /// Gives the export its name. Durable once this returns.
    pub(crate) fn finish(mut self) -> Result<(), SinkError> {
        for folder in self.folders.iter().rev() {
            sync_folder(folder)?;
        }
        // Between the check and this line another process may have created it; a folder with files
        // is not replaced by a rename, and replacing an empty one loses nothing.
        fs::rename(&self.partial, &self.out).map_err(|error| io_error(&self.out, error))?;
        self.finished = true;
        let above = self
            .out
            .parent()
            .filter(|above| !above.as_os_str().is_empty());
        sync_folder(above.unwrap_or(Path::new(".")))
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if !self.finished {
            // If it cannot be removed, the next export to this path names it.
            let _ = fs::remove_dir_all(&self.partial);
        }
    }
}

fn create(path: &Path) -> Result<File, SinkError> {
    let made = OpenOptions::new().write(true).create_new(true).open(path);
    made.map_err(|error| io_error(path, error))
}

fn sync_folder(folder: &Path) -> Result<(), SinkError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| io_error(folder, error))
}

fn io_error(path: &Path, error: io::Error) -> SinkError {
    let path = path.display().to_string();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            SinkError::Full(path)
        }
        _ => SinkError::Io { path, error },
    }
}

fn volume_error(path: &Path, error: VolumeError) -> SinkError {
    match error {
        VolumeError::Io(error) => io_error(path, error),
        error => SinkError::Volume {
            path: path.display().to_string(),
            error,
        },
    }
}
