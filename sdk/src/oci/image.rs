//! The image: a manifest, a configuration, a layer.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::{Digest, layer::Layer};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Says which of the two kinds of Wasm image this is.
const VARIANT: &str = "module.wasm.image/variant";

/// What Istio's agent takes of a module, unless its environment says otherwise.
const MAX_MODULE_BYTES: usize = 256 << 20;

/// An image that holds a module.
///
/// An ordinary OCI image, whose last layer holds `plugin.wasm`: what Istio's agent tries first, and what every registry,
/// mirror and scanner takes. The other kind that the agent knows, with media types of its own, is refused by some registries.
#[derive(Clone, Debug)]
pub struct Image {
    manifest: Blob,
    config: Blob,
    layer: Blob,
}

impl Image {
    /// The image of a module. The manifest gets the annotations.
    ///
    /// # Errors
    ///
    /// When Istio could not load the module, or an annotation has no name or a taken one.
    pub fn of_module(module: &[u8], annotations: &BTreeMap<String, String>) -> Result<Self, InvalidImage> {
        check(module, annotations)?;
        let layer = Layer::of_module(module).map_err(|error| InvalidImage::Unwritable(error.to_string()))?;
        let config = ImageConfig {
            architecture: "amd64",
            os: "linux",
            config: Empty {},
            rootfs: RootFs {
                kind: "layers",
                diff_ids: [layer.diff_id],
            },
        };
        let config = Blob::json(CONFIG, &config)?;
        let layer = Blob::new(LAYER, layer.gzip);
        let mut annotations = annotations.clone();
        annotations.insert(VARIANT.to_owned(), "compat".to_owned());
        let manifest = Manifest {
            schema_version: 2,
            media_type: MANIFEST,
            config: config.descriptor(),
            layers: [layer.descriptor()],
            annotations,
        };
        Ok(Self {
            manifest: Blob::json(MANIFEST, &manifest)?,
            config,
            layer,
        })
    }

    /// The manifest. Its digest is the image's, and the `sha256` of a `WasmPlugin`.
    #[must_use]
    pub const fn manifest(&self) -> &Blob {
        &self.manifest
    }

    /// What the manifest names, in the order in which a registry must get it: before the manifest.
    #[must_use]
    pub const fn parts(&self) -> [&Blob; 2] {
        [&self.layer, &self.config]
    }
}

fn check(module: &[u8], annotations: &BTreeMap<String, String>) -> Result<(), InvalidImage> {
    match module {
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => {}
        // Of the version's four bytes, a component has 1 in the upper half.
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => return Err(InvalidImage::Component),
        _ => return Err(InvalidImage::NoModule),
    }
    if module.len() > MAX_MODULE_BYTES {
        return Err(InvalidImage::TooLarge(module.len()));
    }
    annotations.keys().try_for_each(|key| match key.as_str() {
        "" => Err(InvalidImage::EmptyAnnotation),
        VARIANT => Err(InvalidImage::TakenAnnotation),
        _ => Ok(()),
    })
}

/// Bytes with a type and a name.
#[derive(Clone, Debug)]
pub struct Blob {
    media_type: &'static str,
    digest: Digest,
    bytes: Vec<u8>,
}

impl Blob {
    fn new(media_type: &'static str, bytes: Vec<u8>) -> Self {
        Self {
            media_type,
            digest: Digest::of(&bytes),
            bytes,
        }
    }

    fn json(media_type: &'static str, value: &impl Serialize) -> Result<Self, InvalidImage> {
        let bytes = serde_json::to_vec(value).map_err(|error| InvalidImage::Unwritable(error.to_string()))?;
        Ok(Self::new(media_type, bytes))
    }

    /// What the bytes are.
    #[must_use]
    pub const fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// Their name.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The bytes themselves.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where an image layout keeps them, from its root.
    #[must_use]
    pub fn path(&self) -> String {
        format!("blobs/sha256/{}", self.digest.hex())
    }

    pub(super) const fn descriptor(&self) -> Descriptor {
        Descriptor {
            media_type: self.media_type,
            digest: self.digest,
            size: self.bytes.len(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    media_type: &'static str,
    digest: Digest,
    size: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u8,
    media_type: &'static str,
    config: Descriptor,
    layers: [Descriptor; 1],
    annotations: BTreeMap<String, String>,
}

/// A platform must be named. Istio's agent does not look at it; tools that mirror images do, and take this one everywhere.
#[derive(Serialize)]
struct ImageConfig {
    architecture: &'static str,
    os: &'static str,
    config: Empty,
    rootfs: RootFs,
}

#[derive(Serialize)]
struct RootFs {
    #[serde(rename = "type")]
    kind: &'static str,
    diff_ids: [Digest; 1],
}

#[derive(Serialize)]
struct Empty {}

/// Why there is no image of a module.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidImage {
    /// The bytes do not begin as WebAssembly does.
    NoModule,
    /// It is a component, which no proxy loads.
    Component,
    /// It is larger than what Istio's agent takes; its bytes.
    TooLarge(usize),
    /// An annotation has no name.
    EmptyAnnotation,
    /// An annotation has the name of one that the image needs for itself.
    TakenAnnotation,
    /// It could not be written.
    Unwritable(String),
}

impl fmt::Display for InvalidImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoModule => {
                f.write_str("this is no WebAssembly module: its first bytes are not `\\0asm` and version 1")
            }
            Self::Component => {
                f.write_str("this is a WebAssembly component, which no proxy loads; build it as a module (a cdylib)")
            }
            Self::TooLarge(bytes) => write!(
                f,
                "the module has {bytes} bytes, and Istio's agent takes no more than {MAX_MODULE_BYTES}"
            ),
            Self::EmptyAnnotation => f.write_str("an annotation needs a name: KEY=VALUE"),
            Self::TakenAnnotation => write!(f, "the annotation {VARIANT} is the image's own; leave it out"),
            Self::Unwritable(error) => write!(f, "the image cannot be written: {error}"),
        }
    }
}

impl std::error::Error for InvalidImage {}

#[cfg(test)]
mod tests;
