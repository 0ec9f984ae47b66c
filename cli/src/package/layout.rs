//! Writes an image layout.

use std::fs;
use std::io;
use std::path::Path;

use outgate_sdk::oci::{Image, Index, LAYOUT_FILE, LAYOUT_MARK, Tag};

use crate::failure::Failure;

const INDEX: &str = "index.json";
const BLOBS: &str = "blobs";

/// Adds the image to the layout in a directory, which may be new, empty or a layout already.
///
/// Whoever reads the directory meanwhile, or after a failure, finds the layout as it was or as it becomes: blobs are written first,
/// what names them last, and each file appears whole.
pub(super) fn write(directory: &Path, tag: &Tag, image: &Image) -> Result<(), Failure> {
    let unwritable = |error: io::Error| format!("{} cannot be written: {error}", directory.display());
    match find(directory)? {
        Found::Layout(index) => fill(directory, index, tag, image).map_err(unwritable)?,
        Found::Empty => fill(directory, Index::default(), tag, image).map_err(|error| {
            // It was empty, so that these are ours. What cannot be removed either is no news beside the error.
            let _ = fs::remove_dir_all(directory.join(BLOBS));
            let _ = fs::remove_file(directory.join(INDEX));
            let _ = fs::remove_file(directory.join(LAYOUT_FILE));
            unwritable(error)
        })?,
        Found::Nothing => create(directory, tag, image).map_err(unwritable)?,
    }
    Ok(())
}

enum Found {
    Nothing,
    Empty,
    Layout(Index),
}

fn find(directory: &Path) -> Result<Found, Failure> {
    let unreadable = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let mut entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(unreadable(directory, &error).into()),
    };
    if entries.next().is_none() {
        return Ok(Found::Empty);
    }
    if !directory.join(LAYOUT_FILE).is_file() {
        return Err(Failure::Message(format!(
            "{} has files in it and is no OCI image layout; name a new directory",
            directory.display()
        )));
    }
    let index = directory.join(INDEX);
    let bytes = fs::read(&index).map_err(|error| unreadable(&index, &error))?;
    Ok(Found::Layout(
        Index::parse(&bytes).map_err(|error| unreadable(&index, &error))?,
    ))
}

/// Writes the layout beside its place, then moves it there.
fn create(directory: &Path, tag: &Tag, image: &Image) -> io::Result<()> {
    // `DIR/` and `DIR/.` name the same directory as `DIR`, but only that has a name and a parent.
    let directory: std::path::PathBuf = directory.components().collect();
    let mut name = std::ffi::OsString::from(".");
    name.push(directory.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    name.push(partial());
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent)?;
    }
    let beside = directory.with_file_name(name);
    fs::create_dir(&beside)?;
    let done = fill(&beside, Index::default(), tag, image).and_then(|()| fs::rename(&beside, &directory));
    done.inspect_err(|_| {
        let _ = fs::remove_dir_all(&beside);
    })
}

fn fill(directory: &Path, mut index: Index, tag: &Tag, image: &Image) -> io::Result<()> {
    for blob in image.parts().into_iter().chain([image.manifest()]) {
        put(&directory.join(blob.path()), blob.bytes())?;
    }
    put(&directory.join(LAYOUT_FILE), LAYOUT_MARK.as_bytes())?;
    index.set(tag, image);
    put(&directory.join(INDEX), index.to_json().as_bytes())
}

/// Writes a file so that it appears whole, unless it is there already.
fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let beside = path.with_extension(partial());
    let done = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    done.inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}

/// The end of a name that no other run of the command uses now.
fn partial() -> String {
    format!(".{}.partial", std::process::id())
}
