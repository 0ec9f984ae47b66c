//! The layer: a gzipped tar archive that holds the module and nothing else.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder};

use super::Digest;

/// The name that Istio's agent looks for in the archive.
const FILE_NAME: &[u8] = b"plugin.wasm";

const BLOCK: usize = 512;

/// A layer, and the digest of its archive before compression, which the image's configuration names.
pub(super) struct Layer {
    pub(super) gzip: Vec<u8>,
    pub(super) diff_id: Digest,
}

impl Layer {
    pub(super) fn of_module(module: &[u8]) -> io::Result<Self> {
        let archive = archive(module);
        // No time and no operating system in the header: the bytes depend on the module alone.
        let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
        gzip.write_all(&archive)?;
        Ok(Self {
            gzip: gzip.finish()?,
            diff_id: Digest::of(&archive),
        })
    }
}

/// A POSIX tar archive with one file that everyone may read.
fn archive(module: &[u8]) -> Vec<u8> {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, FILE_NAME);
    put(100, b"0000644\0");
    put(108, b"0000000\0"); // user
    put(116, b"0000000\0"); // group
    put(124, format!("{:011o}\0", module.len()).as_bytes());
    put(136, b"00000000000\0"); // time
    put(148, b"        "); // the checksum counts itself as spaces
    put(156, b"0"); // a file
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());

    let padded = module.len().next_multiple_of(BLOCK);
    let mut archive = Vec::with_capacity(BLOCK + padded + 2 * BLOCK);
    archive.extend_from_slice(&header);
    archive.extend_from_slice(module);
    archive.resize(BLOCK + padded + 2 * BLOCK, 0); // two empty blocks end it
    archive
}
