use std::collections::BTreeMap;
use std::io::Read;

use serde_json::{Value, json};

use super::{Blob, Image, InvalidImage};
use crate::oci::{Digest, Index, InvalidIndex, Tag};

const MODULE: &[u8] = b"\0asm\x01\0\0\0and what follows";

fn image(module: &[u8]) -> Image {
    Image::of_module(module, &BTreeMap::new()).expect("an image")
}

fn json(blob: &Blob) -> Value {
    serde_json::from_slice(blob.bytes()).expect("JSON")
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut archive = Vec::new();
    flate2::read::GzDecoder::new(bytes)
        .read_to_end(&mut archive)
        .expect("gzip");
    archive
}

/// What is pinned by this digest is pinned in people's clusters: a change of it is a change that they see.
#[test]
fn the_same_module_gives_the_same_digest() {
    assert_eq!(
        image(MODULE).manifest().digest().to_string(),
        "sha256:8b65dd81181e139fa2f1975421195ac1de43bc7322eb831a66083bb850fbb0a6"
    );
    assert_eq!(image(MODULE).manifest().bytes(), image(MODULE).manifest().bytes());
    assert_ne!(
        image(b"\0asm\x01\0\0\0else").manifest().digest(),
        image(MODULE).manifest().digest()
    );
}

#[test]
fn the_manifest_names_its_parts() {
    let annotations = BTreeMap::from([("org.opencontainers.image.source".to_owned(), "here".to_owned())]);
    let image = Image::of_module(MODULE, &annotations).unwrap();
    let [layer, config] = image.parts();
    let descriptor = |blob: &Blob| json!({"mediaType": blob.media_type(), "digest": Digest::of(blob.bytes()), "size": blob.bytes().len()});
    assert_eq!(
        json(image.manifest()),
        json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor(config),
            "layers": [descriptor(layer)],
            "annotations": {"module.wasm.image/variant": "compat", "org.opencontainers.image.source": "here"},
        })
    );
    assert_eq!(
        json(config)["rootfs"]["diff_ids"],
        json!([Digest::of(&gunzip(layer.bytes()))])
    );
}

/// The archive is read back by the fields of POSIX, for sizes on both sides of a block's end.
#[test]
fn the_layer_holds_the_module() {
    for length in [8, 511, 512, 513, 100_000] {
        let mut module = MODULE[..8].to_vec();
        module.resize(length, 7);
        let archive = gunzip(image(&module).parts()[0].bytes());
        assert_eq!(archive.len() % 512, 0);
        let text = |range| {
            String::from_utf8_lossy(&archive[range])
                .trim_matches(['\0', ' '])
                .to_owned()
        };
        assert_eq!(text(0..100), "plugin.wasm");
        assert_eq!(usize::from_str_radix(&text(124..136), 8).unwrap(), length);
        let unsummed = archive[..512].iter().enumerate();
        let unsummed = unsummed.map(|(at, &byte)| if (148..156).contains(&at) { 32 } else { u32::from(byte) });
        assert_eq!(u32::from_str_radix(&text(148..156), 8).unwrap(), unsummed.sum::<u32>());
        assert_eq!(&archive[512..512 + length], module);
        assert!(archive[512 + length..].iter().all(|&byte| byte == 0) && archive.len() >= 512 + length + 1024);
    }
}

#[test]
fn what_no_proxy_loads_is_refused() {
    let of = |module: &[u8], key: &str| {
        let annotations = BTreeMap::from([(key.to_owned(), String::new())]);
        Image::of_module(module, &annotations).err()
    };
    assert_eq!(of(MODULE, "a"), None);
    assert_eq!(of(b"", "a"), Some(InvalidImage::NoModule));
    assert_eq!(of(b"#!/bin/sh", "a"), Some(InvalidImage::NoModule));
    assert_eq!(of(b"\0asm\x02\0\0\0", "a"), Some(InvalidImage::NoModule));
    assert_eq!(of(b"\0asm\x0d\0\x01\0", "a"), Some(InvalidImage::Component));
    assert_eq!(of(MODULE, ""), Some(InvalidImage::EmptyAnnotation));
    assert_eq!(
        of(MODULE, "module.wasm.image/variant"),
        Some(InvalidImage::TakenAnnotation)
    );
}

#[test]
fn a_layout_keeps_what_others_wrote() {
    let tag = |text| Tag::parse(text).unwrap();
    let theirs = json!({
        "schemaVersion": 2,
        "annotations": {"a": "b"},
        "manifests": [
            {"digest": "sha256:1", "annotations": {"org.opencontainers.image.ref.name": "1"}},
            {"digest": "sha256:2"},
        ],
    });
    let mut index = Index::parse(theirs.to_string().as_bytes()).unwrap();
    index.set(&tag("2"), &image(MODULE));
    index.set(&tag("1"), &image(MODULE));
    index.set(&tag("2"), &image(MODULE));
    assert_eq!(index.tags().collect::<Vec<_>>(), ["1", "2"]);
    let written: Value = serde_json::from_str(&index.to_json()).unwrap();
    assert_eq!(written["annotations"], theirs["annotations"]);
    assert_eq!(written["manifests"][0], theirs["manifests"][1]);
    assert_eq!(
        written["manifests"][1]["digest"],
        json!(image(MODULE).manifest().digest())
    );
    assert_eq!(written["manifests"].as_array().map(Vec::len), Some(3));

    for (text, expected) in [
        (r#"{"schemaVersion": 1, "manifests": []}"#, InvalidIndex::Version),
        (r#"{"schemaVersion": 2}"#, InvalidIndex::Manifests),
    ] {
        assert_eq!(Index::parse(text.as_bytes()).err(), Some(expected), "{text}");
    }
    assert!(matches!(Index::parse(b"[]"), Err(InvalidIndex::Json(_))));
}
