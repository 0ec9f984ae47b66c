//! `outgate package`: what is in the image, and pushes to a real registry.
//!
//! The registry is Debian's `docker-registry`, found on PATH or by `$DOCKER_REGISTRY`; `skopeo`, found on PATH or by `$SKOPEO`,
//! judges what is written. Neither is needed to use the command, so that a test without them says so and passes.

mod docker_registry;
#[path = "command/run.rs"]
mod run;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use docker_registry::token_server::TokenServer;
use docker_registry::{DockerRegistry, find};
use run::Run;

/// The least that is a filter.
const FILTER: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 0))"#;

const USER: &str = "user";
const PASSWORD: &str = "s3cret:1";
/// The same for the registry.
const HTPASSWD: &str = "$2y$05$abcdefghijklmnopqrstuuZmmiEc79Zl1/0sj9i81mfa7mHC2gxUu";

/// A directory with a module, `f.wasm`, and a home of its own.
struct Place(TempDir);

impl Run {
    fn report(&self) -> Value {
        assert_eq!(self.status, 0, "{}{}", self.out, self.err);
        self.json()
    }

    #[track_caller]
    fn fails_with(&self, words: &str) {
        assert!(
            self.status == 2 && self.err.contains(words) && self.out.is_empty(),
            "{words}: {} {}{}",
            self.status,
            self.out,
            self.err
        );
    }
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("f.wasm"), module()).unwrap();
        Self(directory)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn package(&self, arguments: &[&str]) -> Run {
        self.package_with("", &[], arguments)
    }

    fn package_with(&self, input: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_outgate"));
        command
            .current_dir(self.path())
            .args(["package", "--filter", "f.wasm"])
            .args(arguments)
            .env("DOCKER_CONFIG", self.path())
            .env("NO_PROXY", "*")
            .env_remove("OUTGATE_FILTER_WASM")
            .envs(variables.iter().copied());
        Run::of(&mut command, input)
    }

    fn entries(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn module() -> Vec<u8> {
    wat::parse_str(FILTER).unwrap()
}

fn skopeo(test: &str, arguments: &[&str], directory: &Path) -> Option<Value> {
    let Some(program) = find("SKOPEO", "skopeo") else {
        println!("skipped: {test}: there is no skopeo on PATH, and SKOPEO names none");
        return None;
    };
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
}

fn get(url: &str, accept: &str) -> Vec<u8> {
    let agent = ureq::Agent::config_builder().proxy(None).build().new_agent();
    let mut response = agent
        .get(url)
        .header("accept", accept)
        .call()
        .unwrap_or_else(|error| panic!("{url}: {error}"));
    response.body_mut().read_to_vec().unwrap()
}

/// The module, as Istio's agent gets it: the last layer of the manifest, which must be a gzipped tar archive.
fn pull(registry: &DockerRegistry, repository: &str, tag: &str) -> Vec<u8> {
    let manifest = get(
        &registry.url(&format!("{repository}/manifests/{tag}")),
        "application/vnd.oci.image.manifest.v1+json",
    );
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let layer = manifest["layers"].as_array().unwrap().last().unwrap();
    assert_eq!(layer["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip");
    let digest = layer["digest"].as_str().unwrap();
    let layer = get(&registry.url(&format!("{repository}/blobs/{digest}")), "*/*");
    let mut archive = Vec::new();
    flate2::read::GzDecoder::new(&layer[..])
        .read_to_end(&mut archive)
        .unwrap();
    assert!(archive.starts_with(b"plugin.wasm\0"));
    let size = std::str::from_utf8(&archive[124..135]).unwrap();
    archive[512..][..usize::from_str_radix(size, 8).unwrap()].to_vec()
}

#[test]
fn a_layout_holds_images_by_tag() {
    let place = Place::new();
    let first = place.package(&["--layout", "sub/images", "--output", "json"]).report();
    assert_eq!(place.entries(), ["f.wasm", "sub"]);
    let digest = first["digest"].as_str().unwrap();
    assert_eq!(
        digest,
        format!("sha256:{}", first["wasmPlugin"]["sha256"].as_str().unwrap())
    );
    let again = place.package(&["--layout", "sub/images/", "--tag", "1.0"]);
    assert!(
        again.status == 0 && again.out.contains(digest),
        "{}{}",
        again.out,
        again.err
    );
    let annotated = place.package(&[
        "--layout",
        "sub/images",
        "--tag",
        "noted",
        "--annotation",
        "org.example.of=a=b",
        "--output",
        "json",
    ]);
    assert_ne!(annotated.report()["digest"], digest);

    let layout = place.path().join("sub/images");
    let read = |path: &str| -> Value { serde_json::from_slice(&fs::read(layout.join(path)).unwrap()).unwrap() };
    assert_eq!(read("oci-layout")["imageLayoutVersion"], "1.0.0");
    let index = read("index.json");
    let tags: Vec<_> = index["manifests"].as_array().unwrap().iter().collect();
    let tags: Vec<_> = tags
        .iter()
        .map(|entry| {
            entry["annotations"]["org.opencontainers.image.ref.name"]
                .as_str()
                .unwrap()
        })
        .collect();
    assert_eq!(tags, ["latest", "1.0", "noted"]);
    // Two manifests, and a layer and a configuration that they share.
    let blobs = fs::read_dir(layout.join("blobs/sha256")).unwrap();
    assert_eq!(blobs.count(), 4);

    for (tag, annotation) in [("latest", Value::Null), ("noted", "a=b".into())] {
        let image = format!("oci:sub/images:{tag}");
        let Some(raw) = skopeo("a layout", &["inspect", "--raw", &image], place.path()) else {
            return;
        };
        assert_eq!(raw["annotations"]["org.example.of"], annotation);
        let seen = skopeo("a layout", &["inspect", &image], place.path()).unwrap();
        if tag == "latest" {
            assert_eq!(seen["Digest"], digest);
        }
    }
}

#[test]
fn what_is_no_layout_stays_as_it_is() {
    let place = Place::new();
    fs::create_dir(place.path().join("files")).unwrap();
    fs::write(place.path().join("files/mine"), "").unwrap();
    place
        .package(&["--layout", "files"])
        .fails_with("is no OCI image layout");
    place.package(&["--layout", "f.wasm"]).fails_with("f.wasm");
    place
        .package(&["--layout", "f.wasm/images"])
        .fails_with("f.wasm/images");

    assert_eq!(place.package(&["--layout", "images"]).status, 0);
    fs::write(place.path().join("images/index.json"), "{").unwrap();
    place
        .package(&["--layout", "images"])
        .fails_with("index.json: this is no image index");

    // A file where a directory must be: the layout stays as it was.
    let index = r#"{"schemaVersion": 2, "manifests": []}"#;
    fs::write(place.path().join("images/index.json"), index).unwrap();
    fs::remove_dir_all(place.path().join("images/blobs")).unwrap();
    fs::write(place.path().join("images/blobs"), "").unwrap();
    place
        .package(&["--layout", "images"])
        .fails_with("images cannot be written");
    assert_eq!(
        fs::read_to_string(place.path().join("images/index.json")).unwrap(),
        index
    );

    fs::create_dir(place.path().join("empty")).unwrap();
    assert_eq!(place.package(&["--layout", "empty"]).status, 0);
    assert!(place.path().join("empty/index.json").is_file());
    assert_eq!(place.entries(), ["empty", "f.wasm", "files", "images"]);
    assert_eq!(fs::read_dir(place.path().join("files")).unwrap().count(), 1);
}

#[test]
fn what_no_proxy_would_load_is_refused() {
    let place = Place::new();
    let no_filter = wat::parse_str("(module)").unwrap();
    for (name, bytes, words) in [
        ("a script", &b"#!/bin/sh\n"[..], "no WebAssembly module"),
        ("a component", b"\0asm\x0d\0\x01\0", "component"),
        ("half a module", &module()[..20], "f.wasm: "),
        ("a module that is no filter", &no_filter, "f.wasm: "),
    ] {
        fs::write(place.path().join("f.wasm"), bytes).unwrap();
        println!("{name}");
        place.package(&["--layout", "images"]).fails_with(words);
    }
    assert_eq!(place.entries(), ["f.wasm"]);
    fs::remove_file(place.path().join("f.wasm")).unwrap();
    place.package(&["--layout", "images"]).fails_with("f.wasm: ");
}

#[test]
fn arguments_that_do_not_fit_are_refused_in_words() {
    let place = Place::new();
    for (arguments, words) in [
        (&[][..], "--layout <DIR>"),
        (&["--push", "outgate:1"], "starts with its registry"),
        (&["--push", "oci://reg.example/outgate:1"], "without a scheme"),
        (&["--push", "reg.example/outgate:1", "--tag", "2"], "give the tag once"),
        (&["--layout", "x", "--tag", "a/b"], "a tag is"),
        (&["--layout", "x", "--plain-http"], "--push"),
        (&["--layout", "x", "--annotation", "a"], "KEY=VALUE"),
        (
            &["--push", "reg.example/outgate", "--username", "u"],
            "--password-stdin",
        ),
        (
            &["--push", "reg.example/outgate", "--username", "u", "--password-stdin"],
            "no password",
        ),
        (
            &["--push", "127.0.0.1:1/outgate:1", "--plain-http"],
            "127.0.0.1:1 cannot be reached",
        ),
    ] {
        place.package(arguments).fails_with(words);
    }
    fs::write(place.path().join("config.json"), r#"{"auths": {"a": "secret"}}"#).unwrap();
    let run = place.package(&["--push", "127.0.0.1:1/outgate:1", "--plain-http"]);
    run.fails_with("config.json:1:");
    assert!(!run.err.contains("secret"), "{}", run.err);
}

#[test]
fn an_image_is_pushed_and_pulled() {
    let Some(registry) = DockerRegistry::start("a push", "", "") else {
        return;
    };
    let place = Place::new();
    let image = format!("{}/mesh/outgate:1.0", registry.address);
    let push = ["--push", &image, "--plain-http", "--output", "json"];
    let run = place.package(&push);
    let report = run.report();
    assert_eq!(report["wasmPlugin"]["url"], format!("oci://{image}"));
    assert_eq!(run.err.matches("uploaded").count(), 2, "{}", run.err);
    assert_eq!(pull(&registry, "mesh/outgate", "1.0"), module());

    // By the digest that a WasmPlugin names it is found too, and nothing goes over the wire twice.
    assert_eq!(
        pull(&registry, "mesh/outgate", report["digest"].as_str().unwrap()),
        module()
    );
    let again = place.package(&push);
    assert_eq!(again.report(), report);
    assert_eq!(again.err.matches("is there already").count(), 2, "{}", again.err);

    // The same image from a layout, by another tool, has the same digest.
    let both = [&push[..], &["--layout", "images"]].concat();
    assert_eq!(place.package(&both).report()["digest"], report["digest"]);
    let copy = format!("docker://{}/mesh/copied:1.0", registry.address);
    let arguments = ["copy", "--quiet", "--dest-tls-verify=false", "oci:images:1.0", &copy];
    if skopeo("a push", &arguments, place.path()).is_some() {
        let inspect = ["inspect", "--tls-verify=false", &copy];
        assert_eq!(
            skopeo("a push", &inspect, place.path()).unwrap()["Digest"],
            report["digest"]
        );
        assert_eq!(pull(&registry, "mesh/copied", "1.0"), module());
    }

    let untagged = format!("{}/other", registry.address);
    let text = place.package(&["--push", &untagged, "--plain-http"]);
    assert!(
        text.out.contains(&format!("url: oci://{untagged}:latest\n")),
        "{}{}",
        text.out,
        text.err
    );
    assert_eq!(pull(&registry, "other", "latest"), module());

    place.package(&["--push", &image]).fails_with("say --plain-http");
}

#[test]
fn a_registry_with_passwords_is_logged_in_to() {
    let place = Place::new();
    let file = place.path().join("htpasswd");
    fs::write(&file, format!("{USER}:{HTPASSWD}\n")).unwrap();
    let auth = format!("auth: {{htpasswd: {{realm: tests, path: {}}}}}\n", file.display());
    let Some(registry) = DockerRegistry::start("passwords", "", &auth) else {
        return;
    };
    let image = format!("{}/outgate:1", registry.address);
    let push = ["--push", &image, "--plain-http"];
    place.package(&push).fails_with("`docker login`");

    let stdin = [&push[..], &["--username", USER, "--password-stdin"]].concat();
    place
        .package_with("wrong\n", &[], &stdin)
        .fails_with("check the user name and the password");
    let run = place.package_with(&format!("{PASSWORD}\n"), &[], &stdin);
    assert!(run.status == 0 && !run.err.contains(PASSWORD), "{}{}", run.out, run.err);

    use base64::Engine as _;
    let login = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let config = serde_json::json!({"auths": {&registry.address: {"auth": login}}});
    fs::write(place.path().join("config.json"), config.to_string()).unwrap();
    let run = place.package(&push);
    assert_eq!(run.status, 0, "{}{}", run.out, run.err);
    assert_eq!(run.err.matches("is there already").count(), 2, "{}", run.err);
}

#[test]
fn a_registry_with_tokens_is_logged_in_to() {
    let place = Place::new();
    let tokens = TokenServer::start(USER, PASSWORD);
    let auth = tokens.registry_auth(place.path());
    let Some(registry) = DockerRegistry::start("tokens", "", &auth) else {
        return;
    };
    let image = format!("{}/mesh/outgate:1", registry.address);
    let push = ["--push", &image, "--plain-http"];
    let run = place.package(&push);
    run.fails_with("refuses a token with 401");
    assert!(
        !run.err.contains('\u{1b}'),
        "a server's words do not steer a terminal: {:?}",
        run.err
    );

    let stdin = [&push[..], &["--username", USER, "--password-stdin"]].concat();
    let run = place.package_with(PASSWORD, &[], &stdin);
    assert_eq!(run.status, 0, "{}{}", run.out, run.err);
    let asked: Vec<_> = tokens.requests.try_iter().collect();
    // One token serves the whole push.
    assert_eq!(asked.iter().map(|(_, known)| *known).collect::<Vec<_>>(), [false, true]);
    let line = &asked[1].0;
    for part in [
        "/token?of=tests&",
        "scope=repository%3Amesh%2Foutgate%3Apull%2Cpush",
        "service=registry%20of%20tests",
    ] {
        assert!(line.contains(part), "{line}");
    }

    // A token that is for another repository than this.
    let other = format!("{}/other:1", registry.address);
    let stdin = ["--push", &other, "--plain-http", "--username", USER, "--password-stdin"];
    place.package_with(PASSWORD, &[], &stdin).fails_with("refuses");
}

#[test]
fn a_registry_with_tls_is_known_by_its_issuer() {
    let place = Place::new();
    let certificate = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| place.path().join(name));
    fs::write(&cert, certificate.cert.pem()).unwrap();
    fs::write(&key, certificate.signing_key.serialize_pem()).unwrap();
    let tls = format!(", tls: {{certificate: {}, key: {}}}", cert.display(), key.display());
    let Some(registry) = DockerRegistry::start("TLS", &tls, "") else {
        return;
    };
    let image = format!("{}/outgate:1", registry.address);
    let run = place.package_with("", &[("SSL_CERT_FILE", "cert.pem")], &["--push", &image]);
    assert_eq!(run.status, 0, "{}{}", run.out, run.err);

    let other = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    fs::write(place.path().join("other.pem"), other.cert.pem()).unwrap();
    let run = place.package_with("", &[("SSL_CERT_FILE", "other.pem")], &["--push", &image]);
    run.fails_with("SSL_CERT_FILE may name");
    place
        .package(&["--push", &image, "--plain-http"])
        .fails_with("leave --plain-http out");
}
