//! A filter's module as the image that Istio's agent pulls.
//!
//! ```text
//! plugin.wasm ──▶ tar + gzip ──▶ layer ──┐
//!                    │                   ├──▶ manifest ──▶ its digest: the `sha256` of a WasmPlugin
//!                    └─────────▶ config ─┘
//! ```
//!
//! Everything here is bytes and names; writing files and talking to registries is the caller's. The same module gives the same
//! bytes, and so the same digest, on every machine: no time, no user, no host goes into them.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use outgate_sdk::oci::{Image, Index, Reference, Tag};
//!
//! let module = b"\0asm\x01\0\0\0";
//! let image = Image::of_module(module, &BTreeMap::new()).unwrap();
//! assert_eq!(image.manifest().digest().hex().len(), 64);
//!
//! let mut index = Index::default();
//! index.set(&Tag::parse("1.0").unwrap(), &image);
//!
//! let reference = Reference::parse("registry.example/mesh/outgate:1.0").unwrap();
//! assert_eq!(reference.repository(), "mesh/outgate");
//! ```

mod digest;
mod image;
mod index;
mod layer;
mod reference;

pub use digest::Digest;
pub use image::{Blob, Image, InvalidImage};
pub use index::{Index, InvalidIndex, LAYOUT_FILE, LAYOUT_MARK};
pub use reference::{InvalidReference, Reference, Tag};
