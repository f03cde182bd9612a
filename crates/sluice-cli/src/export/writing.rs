//! Where rows are written to: standard output, or a file that gets its name once it is whole.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Seek as _, Write},
    path::{Path, PathBuf},
};

use crate::failure::Failure;

/// What a file is called until it is whole, behind its name.
const UNFINISHED: &str = ".unfinished";

/// See the module.
pub(super) enum Output {
    Stdout,
    File { unfinished: PathBuf, path: PathBuf, writer: BufWriter<File> },
}

impl Output {
    /// Begins to write a file, or standard output if there is none.
    ///
    /// # Errors
    ///
    /// [`Failure::Local`].
    pub(super) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else { return Ok(Self::Stdout) };
        let mut name = path.as_os_str().to_owned();
        name.push(UNFINISHED);
        let unfinished = PathBuf::from(name);
        let file =
            File::create(&unfinished).map_err(|error| Failure::of_file("write", &unfinished, &error))?;
        Ok(Self::File { unfinished, path: path.to_owned(), writer: BufWriter::new(file) })
    }

    /// Writes some bytes.
    ///
    /// # Errors
    ///
    /// [`Failure::Local`].
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Stdout => {
                let written = io::stdout().lock().write_all(bytes);
                written.map_err(|error| Failure::Local(format!("cannot write to standard output: {error}")))
            }
            Self::File { unfinished, writer, .. } => {
                writer.write_all(bytes).map_err(|error| Failure::of_file("write", unfinished, &error))
            }
        }
    }

    /// Forgets what was written; false if it cannot be taken back.
    ///
    /// # Errors
    ///
    /// [`Failure::Local`].
    pub(super) fn begin_anew(&mut self) -> Result<bool, Failure> {
        let Self::File { unfinished, writer, .. } = self else { return Ok(false) };
        match emptied(writer) {
            Ok(()) => Ok(true),
            Err(error) => Err(Failure::of_file("write", unfinished, &error)),
        }
    }

    /// Gives a file its name.
    ///
    /// # Errors
    ///
    /// [`Failure::Local`].
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        let Self::File { unfinished, path, writer } = self else {
            let flushed = io::stdout().lock().flush();
            return flushed
                .map_err(|error| Failure::Local(format!("cannot write to standard output: {error}")));
        };
        match named(writer, unfinished, path) {
            Ok(()) => Ok(()),
            Err(error) => Err(Failure::of_file("write", path, &error)),
        }
    }
}

fn emptied(writer: &mut BufWriter<File>) -> io::Result<()> {
    writer.rewind()?;
    writer.get_ref().set_len(0)
}

fn named(writer: &mut BufWriter<File>, unfinished: &Path, path: &Path) -> io::Result<()> {
    writer.flush()?;
    writer.get_ref().sync_all()?;
    fs::rename(unfinished, path)
}
