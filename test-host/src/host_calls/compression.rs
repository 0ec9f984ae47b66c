//! Envoy's foreign functions `compress` and `uncompress`: zlib.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use crate::abi::Status;
use crate::refusal::Refusal;

pub(super) fn compress(bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.map_err(|error| {
        Refusal::new(
            Status::SerializationFailure,
            format!("it cannot be compressed: {error}"),
        )
    })
}

/// What would become larger than `limit` is not uncompressed.
pub(super) fn uncompress(bytes: &[u8], limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut out = Vec::new();
    let read = ZlibDecoder::new(bytes).take(limit as u64 + 1).read_to_end(&mut out);
    match read {
        Ok(length) if length <= limit => Ok(out),
        Ok(_) => Err(Refusal::new(
            Status::SerializationFailure,
            "it is larger than Limits::host_bytes when uncompressed",
        )),
        Err(error) => Err(Refusal::new(
            Status::SerializationFailure,
            format!("it is no zlib stream: {error}"),
        )),
    }
}
