//! Files that kmsctl reads and replaces: regular files only, within a limit, and without following links where the
//! place belongs to kmsctl.

use crate::text::Size;
use rustix::fs::OFlags;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt};
use std::path::Path;

/// The largest state, journal or saved plan that is read, in bytes.
pub const MAX_RECORD: usize = 256 << 20;

/// The largest number of elements, members and items of a state, journal or saved plan.
pub const MAX_RECORD_PARTS: usize = 4_000_000;

/// Opens a file of kmsctl, such as a state or a lock, which has no other name. Whoever can write to its folder must not
/// be able to direct the access elsewhere, or to make the program wait for a pipe for ever.
///
/// # Errors
/// Returns the error of the file system, or that the path is a link or no regular file.
pub fn open_own(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let file = open(path, options, OFlags::NOFOLLOW)?;
    if file.metadata()?.nlink() > 1 {
        let what = "it is a hard link: another path names the same file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    Ok(file)
}

/// Opens a file of the user for reading. Links are followed.
///
/// # Errors
/// Returns the error of the file system, or that the path is no regular file.
pub fn open_given(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().read(true), OFlags::empty())
}

fn open(path: &Path, options: &mut OpenOptions, more: OFlags) -> io::Result<File> {
    // The open of a pipe would wait for its other end.
    let flags = (OFlags::NONBLOCK | more).bits();
    let file = options.custom_flags(flags.cast_signed()).open(path).map_err(|error| match path
        .symlink_metadata()
    {
        Ok(found) if found.is_symlink() && more.contains(OFlags::NOFOLLOW) => not_regular(&found),
        Ok(_) | Err(_) => error,
    })?;
    let found = file.metadata()?;
    if found.is_file() { Ok(file) } else { Err(not_regular(&found)) }
}

/// The reason why a path cannot be read if nothing is there.
pub const NOTHING: &str = "there is no such file or folder";

/// Returns why a file cannot be opened or read, in words for people: without the number of the error.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        return NOTHING.to_owned();
    }
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// Checks that a path can be replaced by a regular file: it is one, or nothing is there.
///
/// # Errors
/// Returns that something else is there.
pub fn check_replaceable(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(found) if !found.is_file() => Err(not_regular(&found)),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn not_regular(found: &Metadata) -> io::Error {
    let what = if found.is_symlink() {
        "it is a symbolic link, which is not followed here"
    } else if found.is_dir() {
        "it is a folder"
    } else {
        "it is a device, a pipe or a socket, not a file"
    };
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

/// Reads a state, a journal or a saved plan.
///
/// # Errors
/// Returns the error of the reader, or that the text is too large to be one that this program writes.
pub fn read_record(reader: impl Read) -> io::Result<Vec<u8>> {
    let bytes = read_within(reader, MAX_RECORD as u64)?;
    if Size::of(&bytes).parts > MAX_RECORD_PARTS {
        let message = format!("it has more than {MAX_RECORD_PARTS} elements");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// Reads at most `most` bytes.
///
/// # Errors
/// Returns the error of the reader, or that there is more.
pub fn read_within(reader: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let message = format!("it is larger than {} MiB", most >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("file"), "text").unwrap();
        std::os::unix::fs::symlink(path("file"), path("link")).unwrap();
        std::os::unix::fs::symlink(path("gone"), path("dangling")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe"), rustix::fs::Mode::RWXU).unwrap();
        let own = |name: &str| {
            let mut options = OpenOptions::new();
            open_own(&path(name), options.read(true).write(true).create(true).truncate(false))
        };
        assert!(own("file").is_ok() && own("new").is_ok());
        for name in ["link", "dangling"] {
            let error = own(name).unwrap_err().to_string();
            assert!(error.contains("symbolic link"), "{name}: {error}");
            assert!(check_replaceable(&path(name)).is_err(), "{name}");
        }
        std::fs::write(path("victim"), "text").unwrap();
        std::fs::hard_link(path("victim"), path("hard")).unwrap();
        assert!(own("hard").unwrap_err().to_string().contains("hard link"));
        assert!(!path("gone").exists());
        assert!(own("pipe").is_err() && open_given(&path("pipe")).is_err());
        assert!(open_given(Path::new("/dev/zero")).is_err());
        assert!(check_replaceable(Path::new("/dev/null")).is_err());
        assert!(open_given(&path("link")).is_ok());
        assert!(
            check_replaceable(&path("file")).is_ok() && check_replaceable(&path("none")).is_ok()
        );
    }

    #[test]
    fn no_more_than_the_limit_is_read() {
        assert_eq!(read_within(&b"1234"[..], 4).unwrap(), b"1234");
        assert!(read_within(&b"12345"[..], 4).is_err());
        assert!(read_within(io::repeat(0), 1 << 20).is_err());
    }
}
