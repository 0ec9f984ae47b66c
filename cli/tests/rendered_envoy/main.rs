//! `outgate build --for envoy`: Envoy takes what is rendered, of the example and of one of everything.

#[path = "../envoy/mod.rs"]
mod envoy;

use std::fs;
use std::path::Path;
use std::process::Command;

use envoy::authority::{Authority, Identity};
use envoy::prerequisite;
use serde_json::Value;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/asm-egress-gateway");
const EVERYTHING: &str = include_str!("everything.yaml");

struct Workshop {
    envoy: std::path::PathBuf,
    filter: std::path::PathBuf,
    directory: tempfile::TempDir,
}

impl Workshop {
    fn open() -> Option<Self> {
        let (envoy, filter) = prerequisite::envoy().zip(prerequisite::filter_wasm())?;
        let directory = tempfile::tempdir().expect("a directory");
        let authority = Authority::new();
        for name in [
            "mesh",
            "istio-system/test.client",
            "istio-system/test.server",
            "edge/issued",
        ] {
            let place = directory.path().join("certificates").join(name);
            fs::create_dir_all(&place).expect("a directory");
            let credential = authority.certify(&Identity::dns("everybody.example"));
            fs::write(place.join("tls.crt"), credential.certificate_pem()).expect("a file");
            fs::write(place.join("tls.key"), credential.key_pem()).expect("a file");
            fs::write(place.join("ca.crt"), authority.certificate_pem()).expect("a file");
        }
        Some(Self {
            envoy,
            filter,
            directory,
        })
    }

    fn certificates(&self) -> std::path::PathBuf {
        self.directory.path().join("certificates")
    }

    /// The bootstrap of a proxy, which Envoy has taken.
    fn render(&self, manifests: &Path, proxy: &str, authorization: &str) -> Value {
        let output = Command::new(env!("CARGO_BIN_EXE_outgate"))
            .args([
                "build",
                "--for",
                "envoy",
                "--proxy",
                proxy,
                "--authorization",
                authorization,
            ])
            .arg(manifests)
            .arg("--certificates")
            .arg(self.certificates())
            .arg("--filter")
            .arg(&self.filter)
            .output()
            .expect("outgate");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{proxy} {authorization}: {errors}");
        let file = self.directory.path().join("bootstrap.json");
        fs::write(&file, &output.stdout).expect("a file");
        let validated = Command::new(&self.envoy)
            .args(["--mode", "validate", "--log-level", "warn", "-c"])
            .arg(&file)
            .output()
            .expect("Envoy");
        let said = String::from_utf8_lossy(&validated.stderr);
        assert!(validated.status.success(), "{proxy} {authorization}: {said}");
        // Istio's own rendering of native RBAC has a field that Envoy would rather not see.
        let is_clean = !said.contains("Deprecated") && !said.contains("unknown field");
        assert!(is_clean || authorization == "native", "{proxy}: {said}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}

#[test]
fn envoy_takes_the_examples_proxies() {
    let Some(workshop) = Workshop::open() else { return };
    for proxy in [
        "sidecar:default/sleep",
        "gateway:istio-system/istio-egressgateway",
        "gateway:istio-system/istio-ingressgateway",
    ] {
        for authorization in ["outgate", "native"] {
            workshop.render(Path::new(EXAMPLE), proxy, authorization);
        }
    }
}

#[test]
fn envoy_takes_one_of_everything() {
    let Some(workshop) = Workshop::open() else { return };
    let mesh = workshop.certificates().join("mesh");
    let indented = |file: &str| {
        let text = fs::read_to_string(mesh.join(file)).expect("a file");
        serde_json::to_string(&text).expect("a string")
    };
    let text = EVERYTHING
        .replace("CERTIFICATE", &indented("tls.crt"))
        .replace(" KEY,", &format!(" {},", indented("tls.key")))
        .replace("DIRECTORY", &mesh.display().to_string())
        .replace("MODULE", &workshop.filter.display().to_string());
    let manifests = workshop.directory.path().join("everything.yaml");
    fs::write(&manifests, text).expect("a file");
    for proxy in ["gateway:edge/out", "gateway:edge/passing", "sidecar:app/client"] {
        for authorization in ["outgate", "native"] {
            workshop.render(&manifests, proxy, authorization);
        }
    }
}

#[test]
fn parts_have_the_names_that_istio_gives() {
    let Some(workshop) = Workshop::open() else { return };
    let sidecar = workshop.render(Path::new(EXAMPLE), "sidecar:default/sleep", "outgate");
    let names = |list: &Value| -> Vec<String> {
        let list = list.as_array().into_iter().flatten();
        list.filter_map(|item| Some(item["name"].as_str()?.to_owned()))
            .collect()
    };
    let resources = &sidecar["static_resources"];
    assert_eq!(
        names(&resources["listeners"]),
        ["virtualOutbound", "0.0.0.0_80", "0.0.0.0_443", "0.0.0.0_8000"]
    );
    let clusters = names(&resources["clusters"]);
    for cluster in [
        "outbound|80||test.com",
        "outbound|443||test.com",
        "BlackHoleCluster",
        "PassthroughCluster",
    ] {
        assert!(clusters.iter().any(|known| known == cluster), "{cluster}: {clusters:?}");
    }
    assert_eq!(names(&resources["secrets"]), ["ROOTCA", "default"]);
    let manager = &resources["listeners"][1]["filter_chains"][0]["filters"][0]["typed_config"];
    let hosts = &manager["route_config"]["virtual_hosts"];
    let blocked = hosts.as_array().and_then(|hosts| hosts.last()).expect("hosts");
    assert_eq!(blocked["name"], "block_all");
    assert_eq!(blocked["routes"][0]["direct_response"]["status"], 502);
    assert!(names(hosts).contains(&"test.com:80".to_owned()), "{:?}", names(hosts));

    let gateway = workshop.render(
        Path::new(EXAMPLE),
        "gateway:istio-system/istio-egressgateway",
        "outgate",
    );
    let resources = &gateway["static_resources"];
    let chain = &resources["listeners"][0]["filter_chains"][0];
    let manager = &chain["filters"][0]["typed_config"];
    assert_eq!(manager["route_config"]["name"], "https.80.https.egress-gateway.default");
    assert_eq!(manager["forward_client_cert_details"], "SANITIZE_SET");
    assert_eq!(
        names(&manager["http_filters"]),
        ["istio-system.outgate", "envoy.filters.http.router"]
    );
    let secrets = names(&resources["secrets"]);
    assert_eq!(
        secrets,
        [
            "ROOTCA",
            "default",
            "kubernetes://test.client",
            "kubernetes://test.client-cacert"
        ]
    );
}
