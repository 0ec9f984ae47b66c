//! The command line.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use outgate_policy::config::{Identity, PluginType};
use outgate_sdk::diagnostic::Diagnostics;
use outgate_sdk::filter_config::FilterOptions;
use outgate_sdk::input::Input;
use outgate_sdk::manifest::{Manifest, Manifests, ObjectName};
use outgate_sdk::oci::{Reference, Tag};
use outgate_sdk::proxy::ProxyName;
use outgate_sdk::scope::GatewayWorkload;

use crate::build::plugins::Clients;
use crate::custom_policies::{ExtensionArguments, LogArguments};
use crate::enforcement::{Enforcement, EnforcementPoint, PluginKind};
use crate::failure::Failure;
use crate::filter_module;
use crate::hosted::content::Configuration;
use crate::local::plan::Mapping;
use crate::local::ports::WantedPort;

/// Decides who may call what on the way out of a service mesh.
///
/// Reads ordinary Istio manifests: AuthorizationPolicy, ServiceEntry, Gateway, MeshConfig. Every command takes files,
/// directories or `-` for standard input, so `kubectl get authorizationpolicies -A -o yaml | outgate check -` works.
#[derive(Debug, Parser)]
#[command(
    name = "outgate",
    version,
    after_help = "Exit status: 0 fine, 1 findings or a failed expectation, 2 could not run."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// When to use colours.
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: ColorWhen,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(Check),
    Build(Build),
    Explain(Explain),
    Test(Test),
    New(crate::new::New),
    Up(Up),
    Package(Package),
    Inspect(Inspect),
    Schema(Schema),
    Run(crate::run::Run),
    Serve(crate::serve::Serve),
    Bench(crate::bench::Bench),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ColorWhen {
    Auto,
    Always,
    Never,
}

impl ColorWhen {
    pub(crate) fn apply(self) {
        let choice = match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people.
    Text,
    /// For machines: one JSON document on standard output.
    Json,
}

/// Check manifests: syntax, fields, validity, and what is rarely meant.
///
/// Everything that Istio's admission refuses is refused, with file, line and column. With --gateway, policies that do not apply
/// to that gateway are pointed out.
#[derive(Args, Debug)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) input: InputArguments,

    /// The gateway that policies should apply to.
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = object_name)]
    pub(crate) gateway: Option<ObjectName>,

    #[command(flatten)]
    pub(crate) labels: LabelArguments,

    /// How to print the findings.
    #[arg(long, default_value = "text")]
    pub(crate) output: OutputFormat,
}

/// Tell what a Proxy-Wasm module is and what it can touch, without running it.
///
/// Any SDK's module will do. Exits with 1 when no proxy could run it, and says why.
#[derive(Args, Debug)]
pub(crate) struct Inspect {
    /// The module.
    #[arg(value_name = "FILTER.wasm")]
    pub(crate) module: PathBuf,

    /// How to print what is found.
    #[arg(long, default_value = "text")]
    pub(crate) output: OutputFormat,
}

/// Build what enforces a gateway's policies, from its manifests.
#[derive(Args, Debug)]
pub(crate) struct Build {
    #[command(flatten)]
    pub(crate) input: InputArguments,

    /// What to build.
    #[arg(long = "for", value_name = "WHAT")]
    pub(crate) target: BuildTarget,

    /// The gateway whose policies are meant. Required, except for --for envoy, where it is the one whose policies a sidecar
    /// enforces [default: the only one].
    #[arg(
        long,
        value_name = "NAMESPACE/NAME",
        value_parser = object_name,
        required_if_eq_any([("target", "filter"), ("target", "rbac"), ("target", "wasmplugin"), ("target", "istio")])
    )]
    gateway: Option<ObjectName>,

    #[command(flatten)]
    labels: LabelArguments,

    /// What the filter, or the native RBAC filter, decides [default: http]. With --for istio, a gateway that passes connections on
    /// gets a filter for each.
    #[arg(long = "type", value_name = "TYPE")]
    plugin_type: Option<PluginKind>,

    #[command(flatten)]
    pub(crate) filter: FilterArguments,

    #[command(flatten)]
    pub(crate) plugin: PluginArguments,

    #[command(flatten)]
    pub(crate) envoy: EnvoyArguments,

    #[command(flatten)]
    pub(crate) log: LogArguments,

    /// Write to this file instead of standard output; with --for istio, into this directory.
    #[arg(long, short, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum BuildTarget {
    /// The filter's configuration, JSON.
    Filter,
    /// Native Envoy RBAC filters that enforce the same policies, YAML.
    Rbac,
    /// An Istio WasmPlugin with the filter's configuration in it, YAML.
    Wasmplugin,
    /// Everything that a cluster needs, in the directory --out: WasmPlugin, Telemetry, mesh configuration, and what to do with them.
    Istio,
    /// What Envoy itself starts with as one of the mesh's proxies, JSON.
    Envoy,
}

impl Build {
    /// The gateway's pods.
    pub(crate) fn gateway(&self, manifests: &Manifests) -> Result<GatewayWorkload, Failure> {
        let gateway = self.gateway.as_ref().ok_or("--gateway is missing")?;
        Ok(self.labels.find(gateway, manifests))
    }

    /// The same, where none needs to be named.
    pub(crate) fn named_gateway(&self, manifests: &Manifests) -> Option<GatewayWorkload> {
        let gateway = self.gateway.as_ref()?;
        Some(self.labels.find(gateway, manifests))
    }

    /// Whether it is said what the filter is to decide.
    pub(crate) const fn names_type(&self) -> bool {
        self.plugin_type.is_some()
    }

    /// What the filter is to decide.
    pub(crate) fn plugin_type(&self) -> PluginType {
        self.plugin_type.map_or(PluginType::Http, Into::into)
    }
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Envoy")]
pub(crate) struct EnvoyArguments {
    /// The proxy: sidecar:NAMESPACE/NAME or gateway:NAMESPACE/NAME. Required for --for envoy.
    #[arg(long, value_name = "PROXY", required_if_eq("target", "envoy"))]
    pub(crate) proxy: Option<ProxyName>,

    /// Where Envoy finds certificates: the proxy's own in DIR/mesh and a Secret's in DIR/NAMESPACE/NAME, each as tls.crt, tls.key
    /// and ca.crt. A Secret that is among the manifests is written out instead.
    #[arg(long, value_name = "DIR", default_value = "certificates")]
    pub(crate) certificates: PathBuf,

    /// Who decides about requests in a gateway.
    #[arg(long, default_value = "outgate")]
    pub(crate) authorization: AuthorizationKind,

    /// Where Envoy finds the filter's module [default: where `cargo xtask wasm` leaves it].
    #[arg(long = "filter", value_name = "WASM")]
    pub(crate) module: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum AuthorizationKind {
    /// Outgate's filter.
    Outgate,
    /// Envoy's own RBAC filters, as Istio would configure them.
    Native,
}

impl AuthorizationKind {
    /// The filter's module, where it is the filter that decides.
    pub(crate) fn module(self, named: Option<&PathBuf>) -> Result<Option<PathBuf>, Failure> {
        match self {
            Self::Native => Ok(None),
            Self::Outgate => filter_module::absolute(named).map(Some),
        }
    }
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Filter")]
pub(crate) struct FilterArguments {
    /// Where the caller's identity comes from at a gateway [default: peer-certificate]. At a sidecar it is the workload's own.
    #[arg(long, value_name = "SOURCE")]
    identity: Option<IdentitySource>,

    /// Filter-state key that holds the direct peer's address; needed for `ipBlocks` behind the PROXY protocol.
    #[arg(long, value_name = "KEY")]
    direct_address_filter_state: Option<String>,

    #[command(flatten)]
    enforcement: Enforcement,

    #[command(flatten)]
    extensions: ExtensionArguments,
}

impl FilterArguments {
    /// The same for the filter's configuration.
    pub(crate) fn options(&self) -> Result<FilterOptions, Failure> {
        let of_gateways = [
            ("--identity", self.identity.is_some()),
            (
                "--direct-address-filter-state",
                self.direct_address_filter_state.is_some(),
            ),
        ];
        if self.enforcement.at == EnforcementPoint::Sidecar
            && let Some((flag, _)) = of_gateways.iter().find(|(_, is_given)| *is_given)
        {
            return Err(Failure::Message(format!(
                "{flag} is for gateways: at a sidecar the caller is the workload itself; leave it out"
            )));
        }
        Ok(FilterOptions {
            identity: self.identity.map_or_else(Identity::default, Into::into),
            direct_address_filter_state: self.direct_address_filter_state.clone(),
            extensions: self.extensions.read()?,
            ..self.enforcement.options()
        })
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum IdentitySource {
    /// The certificate of the downstream connection.
    PeerCertificate,
    /// The x-forwarded-client-cert header, as a gateway with SANITIZE_SET writes it.
    ForwardedClientCert,
}

impl From<IdentitySource> for Identity {
    fn from(source: IdentitySource) -> Self {
        match source {
            IdentitySource::PeerCertificate => Self::PeerCertificate,
            IdentitySource::ForwardedClientCert => Self::ForwardedClientCert,
        }
    }
}

#[derive(Args, Debug)]
#[command(next_help_heading = "WasmPlugin")]
pub(crate) struct PluginArguments {
    /// Where the gateway gets the module: oci://, https://, http:// or file://. Required for --for istio and
    /// --for wasmplugin.
    #[arg(long, value_name = "URL", required_if_eq_any([("target", "wasmplugin"), ("target", "istio")]))]
    pub(crate) url: Option<String>,

    /// Checksum of the module, or for oci:// of the image's manifest, as `outgate package` prints it.
    #[arg(long, value_name = "HEX")]
    pub(crate) sha256: Option<String>,

    /// Secret with the credentials of the image's registry, in the gateway's namespace.
    #[arg(long, value_name = "NAME")]
    pub(crate) image_pull_secret: Option<String>,

    /// A port of listeners that the filter is for, in a gateway's pod or as a client calls it [default: all; for connections, those
    /// that pass some on]; may be given several times.
    #[arg(long, value_name = "PORT")]
    pub(crate) match_port: Vec<u16>,

    /// With --at sidecar: whose sidecars the filter runs in, all of a namespace or one workload [default: the namespaces of the
    /// manifests' clients]; may be given several times.
    #[arg(long = "client", value_name = "NAMESPACE[/NAME]", value_parser = Clients::parse)]
    pub(crate) clients: Vec<Clients>,

    /// Restart the filter after a failure, instead of refusing requests until its configuration changes. For Istio releases
    /// that have FAIL_RELOAD.
    #[arg(long)]
    pub(crate) fail_reload: bool,
}

/// Explain one request: the verdict, the rule that gave it, and for every policy why it matches or does not.
///
/// With --type network, one connection that a gateway passes on: there is no method and no URL then.
#[derive(Args, Debug)]
#[command(
    override_usage = "outgate explain [OPTIONS] --gateway <NAMESPACE/NAME> <FILES>... <METHOD> <URL>\n       outgate explain [OPTIONS] \
                      --gateway <NAMESPACE/NAME> --type network <FILES>...",
    after_help = "Examples:\n  outgate explain manifests/ --gateway istio-system/istio-egressgateway \\\n      --principal \
                  cluster.local/ns/default/sa/sleep GET http://test.com/headers\n  outgate explain manifests/ --gateway \
                  istio-system/istio-egressgateway \\\n      --principal cluster.local/ns/default/sa/sleep --type network --sni test.com \
                  --port 8443"
)]
pub(crate) struct Explain {
    /// Manifests (files, directories, or `-`), then the request's method and URL.
    #[arg(value_name = "FILES... METHOD URL", num_args = 1.., required = true)]
    positional: Vec<String>,

    /// What is explained [default: http].
    #[arg(
        long = "type",
        value_name = "TYPE",
        default_value = "http",
        hide_default_value = true
    )]
    plugin_type: PluginKind,

    #[command(flatten)]
    pub(crate) enforcement: Enforcement,

    /// A file with a bare MeshConfig.
    #[arg(long, value_name = "FILE")]
    pub(crate) mesh_config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) gateway: GatewayArguments,

    #[command(flatten)]
    pub(crate) request: RequestArguments,

    /// How to print the explanation.
    #[arg(long, default_value = "text")]
    pub(crate) output: OutputFormat,
}

/// The manifests, and the method and URL of a request.
type Split<'a> = (&'a [String], Option<(&'a str, &'a str)>);

impl Explain {
    /// The manifests, and the request's method and URL; a connection has none.
    pub(crate) fn split(&self) -> Result<Split<'_>, Failure> {
        if self.plugin_type == PluginKind::Network {
            let of_requests = [
                ("--header", !self.request.headers.is_empty()),
                ("--jwt-claims", self.request.jwt_claims.is_some()),
            ];
            if let Some((flag, _)) = of_requests.iter().find(|(_, is_given)| *is_given) {
                return Err(Failure::Message(format!(
                    "{flag} is for requests: a connection has none"
                )));
            }
            return Ok((&self.positional, None));
        }
        match self.positional.as_slice() {
            [files @ .., method, url] if !files.is_empty() => Ok((files, Some((method, url)))),
            [_, _] => Err(Failure::from(
                "expected manifests before the method and the URL: FILES... METHOD URL",
            )),
            _ => Err(Failure::from("expected FILES... METHOD URL")),
        }
    }

    pub(crate) fn plugin_type(&self) -> PluginType {
        self.plugin_type.into()
    }
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Request")]
pub(crate) struct RequestArguments {
    /// The caller's mesh identity, without `spiffe://`. Without it, the caller shows no certificate.
    #[arg(long, value_name = "IDENTITY")]
    pub(crate) principal: Option<String>,

    /// A header line; may be given several times.
    #[arg(long = "header", short = 'H', value_name = "NAME:VALUE", value_parser = header)]
    pub(crate) headers: Vec<(String, String)>,

    /// A JSON file with the claims of a validated token.
    #[arg(long, value_name = "FILE")]
    pub(crate) jwt_claims: Option<PathBuf>,

    /// The address of the direct TCP peer, and of the client unless --remote-ip says otherwise.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) source_ip: Option<std::net::IpAddr>,

    /// The client's address as trusted proxies forward it.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) remote_ip: Option<std::net::IpAddr>,

    /// The server name in the TLS handshake.
    #[arg(long, value_name = "NAME")]
    pub(crate) sni: Option<String>,

    /// The port that the gateway's pod listens on.
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    pub(crate) port: u16,
}

/// Run scenario files: requests through the real filter, and what must become of them.
///
/// A Scenario names manifests, a gateway, requests and expectations. In the embedded host, requests follow the proxies' routes and
/// the filter's own WebAssembly module decides in each gateway; no proxy and no network are involved. With --in envoy, the same
/// requests go through real Envoys, too, and both must agree.
///
/// A FilterScenario names any Proxy-Wasm filter, and what must become of requests that go through it in the embedded host:
/// docs/filter-scenarios.md.
///
/// Suites of the plugin tester of Google's service extensions are played as that tester does: docs/plugin-tester-suites.md.
#[derive(Args, Debug)]
pub(crate) struct Test {
    /// Scenario files, suites of the service extensions' plugin tester, or directories with some.
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,

    /// Who runs them.
    #[arg(long = "in", value_name = "RUNNER", default_value = "embedded")]
    pub(crate) runner: Runner,

    /// Send what is for a host's port, or for the address and port of an endpoint, here; may be given several times. Without it, a
    /// stand-in answers for everything outside of the mesh, with the status that the case gives for the upstream.
    #[arg(long, value_name = "HOST:PORT=ADDRESS:PORT", value_parser = Mapping::parse)]
    pub(crate) map: Vec<Mapping>,

    /// The filter's module, in place of the one that a FilterScenario or a suite names [env: OUTGATE_FILTER_WASM, where none is
    /// named].
    #[arg(long, value_name = "WASM")]
    pub(crate) filter: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) extensions: ExtensionArguments,

    /// The plugin's configuration, in place of the one that a suite names: a file, JSON, or text:TEXT.
    #[arg(long, value_name = "FILE|JSON", value_parser = Configuration::parse)]
    pub(crate) config: Option<Configuration>,

    /// The Envoy to run [default: the one on the PATH, or the one that `cargo xtask setup` installed].
    #[arg(long, value_name = "FILE", env = "ENVOY")]
    pub(crate) envoy: Option<PathBuf>,

    /// Only this case of FilterScenarios, every row of its table, or this test of suites; may be given several times. Scenarios are
    /// left out.
    #[arg(long = "case", value_name = "NAME")]
    pub(crate) cases: Vec<String>,

    /// Only cases of FilterScenarios that have this tag; may be given several times. Scenarios and suites are left out.
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,

    /// Write what is found where it is not as expected: files of host calls (`trace`), bodies and lines of access logs.
    #[arg(long)]
    pub(crate) update: bool,

    /// Run again whenever a scenario, a module or a file that they name is saved, until Ctrl-C.
    #[arg(long, conflicts_with = "update")]
    pub(crate) watch: bool,

    /// Write the results to this file, too, as CI systems read them.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,

    /// How to print the results.
    #[arg(long, default_value = "text")]
    pub(crate) output: OutputFormat,

    /// The same as --output json.
    #[arg(long, conflicts_with = "output")]
    json: bool,
}

impl Test {
    /// The module: the one of --filter, else the one that a file names, else that of the environment, which is therefore no default
    /// of --filter.
    pub(crate) fn filter_or(&self, of_file: impl FnOnce() -> Option<PathBuf>) -> Option<PathBuf> {
        let of_environment = || std::env::var_os("OUTGATE_FILTER_WASM").filter(|path| !path.is_empty());
        self.filter
            .clone()
            .or_else(of_file)
            .or_else(|| of_environment().map(PathBuf::from))
    }

    /// Outgate's own filter, as far as it is named.
    pub(crate) fn own_filter(&self) -> Option<PathBuf> {
        self.filter_or(|| None)
    }

    pub(crate) fn output(&self) -> OutputFormat {
        if self.json { OutputFormat::Json } else { self.output }
    }
}

/// Print the JSON Schema of scenario files, with which editors complete and check them.
///
/// It is written for editors with a YAML language server. `outgate test` checks more than a schema can say, and its errors say what to
/// write instead.
#[derive(Args, Debug)]
#[command(
    after_help = "In an editor:\n  outgate schema > filter-scenario.json\n\nand as the first line of each scenario beside it:\n  \
                  # yaml-language-server: $schema=filter-scenario.json"
)]
pub(crate) struct Schema {
    /// Of which kind.
    #[arg(default_value = "filter-scenario")]
    pub(crate) kind: SchemaKind,
}

/// A kind of scenario, as the command line has it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum SchemaKind {
    /// `kind: FilterScenario`, about any Proxy-Wasm filter.
    FilterScenario,
    /// `kind: Scenario`, about a mesh's manifests.
    Scenario,
}

/// Package the filter's module as the OCI image that Istio pulls, into a directory or a registry.
///
/// The same module always gives the same image, so that its digest can be computed again by whoever wants to know what a gateway
/// runs. Printed is what a WasmPlugin needs: the URL, and the digest of the image's manifest, without `sha256:` before it. With it
/// in the WasmPlugin, Istio's agent loads this image and no other, whatever becomes of the tag.
#[derive(Args, Debug)]
#[command(
    group = clap::ArgGroup::new("destination").args(["layout", "push"]).required(true).multiple(true),
    after_help = "Examples:\n  outgate package --push registry.example/mesh/outgate:1.0\n  outgate package --layout image --tag 1.0\n\n\
                  Credentials are those that `docker login` left in ~/.docker/config.json, unless --username is given."
)]
pub(crate) struct Package {
    /// The module [default: where `cargo xtask wasm` leaves it].
    #[arg(long, value_name = "WASM", env = "OUTGATE_FILTER_WASM")]
    pub(crate) filter: Option<PathBuf>,

    /// Write the image into this OCI image layout. Images with other tags in it stay.
    #[arg(long, value_name = "DIR")]
    pub(crate) layout: Option<PathBuf>,

    /// Push the image to a registry, as REGISTRY/REPOSITORY or REGISTRY/REPOSITORY:TAG.
    #[arg(long, value_name = "IMAGE", value_parser = Reference::parse)]
    pub(crate) push: Option<Reference>,

    /// The image's tag [default: that of --push, else `latest`].
    #[arg(long, value_parser = Tag::parse)]
    pub(crate) tag: Option<Tag>,

    /// An annotation of the image's manifest; may be given several times.
    #[arg(long = "annotation", value_name = "KEY=VALUE", value_parser = label)]
    pub(crate) annotations: Vec<(String, String)>,

    /// How to print the result.
    #[arg(long, default_value = "text")]
    pub(crate) output: OutputFormat,

    #[command(flatten)]
    pub(crate) registry: RegistryArguments,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Registry")]
pub(crate) struct RegistryArguments {
    /// The user name at the registry.
    #[arg(long, value_name = "NAME", requires_all = ["push", "password_stdin"])]
    pub(crate) username: Option<String>,

    /// Read the password or token from standard input.
    #[arg(long, requires = "username")]
    pub(crate) password_stdin: bool,

    /// Speak HTTP without TLS, as to a registry on this machine.
    #[arg(long, requires = "push")]
    pub(crate) plain_http: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Runner {
    /// The embedded host.
    Embedded,
    /// The embedded host and real Envoys.
    Envoy,
}

/// Run the manifests' proxies here: gateways and clients' sidecars as real Envoys, with real mTLS, without Kubernetes.
///
/// Every workload that a Gateway selects becomes a gateway; every workload that no Service leads to becomes a client, whose
/// sidecar can be called as an HTTP proxy. Certificates come from an authority made for the run, and from the Secrets that the
/// manifests name. One readable line is printed for each request at each proxy. Ctrl-C stops everything.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  outgate up examples/asm-egress-gateway --map httpbin.default:8000=127.0.0.1:8000 --watch\n\nAddresses of \
                  the cluster lead to the proxies that run here: a Service's pods, and the load balancer in front of a gateway \
                  (loadBalancerIP, externalIPs). What else runs here in the place of something in the cluster is said with --map."
)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) input: InputArguments,

    /// Open a client's port under this service account, too; may be given several times.
    #[arg(long = "as", value_name = "NAMESPACE/ACCOUNT", value_parser = object_name)]
    pub(crate) clients: Vec<ObjectName>,

    /// Send what is for a host's port, or for the address and port of an endpoint, here; may be given several times.
    #[arg(long, value_name = "HOST:PORT=ADDRESS:PORT", value_parser = Mapping::parse)]
    pub(crate) map: Vec<Mapping>,

    /// Which port of this machine stands for a port of a workload [default: the same number, 10000 more below 1024, or a free one
    /// where that is taken]; may be given several times.
    #[arg(long, value_name = "NAMESPACE/NAME:PORT=LOCAL-PORT", value_parser = WantedPort::parse)]
    pub(crate) port: Vec<WantedPort>,

    /// Leave all ports to the kernel.
    #[arg(long)]
    pub(crate) any_ports: bool,

    /// Apply manifests when they are saved. What has errors is refused, and what was in effect stays.
    #[arg(long)]
    pub(crate) watch: bool,

    /// Who decides about requests in the gateways.
    #[arg(long, default_value = "outgate")]
    pub(crate) authorization: AuthorizationKind,

    #[command(flatten)]
    pub(crate) enforcement: Enforcement,

    /// The gateway whose policies sidecars enforce, with --at sidecar [default: the only one]. The gateways enforce theirs, too.
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = object_name)]
    pub(crate) gateway: Option<ObjectName>,

    /// The filter's module.
    #[arg(long, value_name = "WASM", env = "OUTGATE_FILTER_WASM")]
    pub(crate) filter: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) extensions: ExtensionArguments,

    #[command(flatten)]
    pub(crate) log: LogArguments,

    /// The Envoy to run [default: the one on the PATH, or the one that `cargo xtask setup` installed].
    #[arg(long, value_name = "FILE", env = "ENVOY")]
    pub(crate) envoy: Option<PathBuf>,

    /// How to print what happens. As JSON, each line is an object with an `event`: ready, access, envoy, applied, refused, stopped.
    #[arg(long, default_value = "text")]
    pub(crate) output: OutputFormat,
}

#[derive(Args, Debug)]
pub(crate) struct InputArguments {
    /// Manifests: files, directories, or `-` for standard input.
    #[arg(value_name = "FILES", required = true)]
    files: Vec<String>,

    /// A file with a bare MeshConfig; it goes before one in the manifests.
    #[arg(long, value_name = "FILE")]
    mesh_config: Option<PathBuf>,
}

impl InputArguments {
    pub(crate) fn load(&self) -> (Manifests, Diagnostics) {
        load(&self.files, self.mesh_config.as_ref())
    }

    /// The files and directories, as absolute paths.
    pub(crate) fn paths(&self) -> Result<Vec<PathBuf>, Failure> {
        let files = self.files.iter().map(PathBuf::from).chain(self.mesh_config.clone());
        let resolve = |path: PathBuf| {
            if path.as_os_str() == "-" {
                return Err(Failure::from(
                    "standard input cannot be watched; name files or directories",
                ));
            }
            Ok(path
                .canonicalize()
                .map_err(|error| format!("{}: {error}", path.display()))?)
        };
        files.map(resolve).collect()
    }
}

pub(crate) fn load(files: &[String], mesh_config: Option<&PathBuf>) -> (Manifests, Diagnostics) {
    let files = files.iter().map(|file| Input::from_argument(file));
    let mesh_config = mesh_config.map(|file| Input::MeshConfig(file.clone()));
    Manifests::load(&files.chain(mesh_config).collect::<Vec<_>>())
}

#[derive(Args, Debug)]
pub(crate) struct GatewayArguments {
    /// The gateway whose policies are meant.
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = object_name)]
    gateway: ObjectName,

    #[command(flatten)]
    labels: LabelArguments,
}

impl GatewayArguments {
    pub(crate) fn find(&self, manifests: &Manifests) -> GatewayWorkload {
        self.labels.find(&self.gateway, manifests)
    }
}

#[derive(Args, Debug)]
pub(crate) struct LabelArguments {
    /// Labels of the gateway's pods, when no Deployment, Pod or Service of its name is among the manifests
    /// [default: istio=egressgateway].
    #[arg(long, value_name = "KEY=VALUE", value_delimiter = ',', value_parser = label)]
    labels: Vec<(String, String)>,
}

impl LabelArguments {
    pub(crate) fn find(&self, gateway: &ObjectName, manifests: &Manifests) -> GatewayWorkload {
        gateway_workload(manifests, gateway, &self.labels.iter().cloned().collect())
    }
}

/// The gateway's pods as the manifests describe them; else with the given labels; else as Istio's own egress gateway.
pub(crate) fn gateway_workload(
    manifests: &Manifests,
    gateway: &ObjectName,
    labels: &BTreeMap<String, String>,
) -> GatewayWorkload {
    let workload = manifests.gateway_workload(gateway, labels);
    if !workload.labels.is_empty() {
        return workload;
    }
    let usual = BTreeMap::from([("istio".to_owned(), "egressgateway".to_owned())]);
    manifests.gateway_workload(gateway, &usual)
}

/// A warning for each policy that neither this gateway nor any other workload among the manifests is subject to.
pub(crate) fn unselected(manifests: &Manifests, gateway: &GatewayWorkload) -> Diagnostics {
    let others = manifests.workloads().iter().map(Manifest::name);
    let others = others.filter(|name| **name != gateway.name);
    let others = others.map(|name| manifests.gateway_workload(name, &BTreeMap::new()));
    let all: Vec<GatewayWorkload> = std::iter::once(gateway.clone()).chain(others).collect();
    manifests.unselected(&all)
}

pub(crate) fn object_name(text: &str) -> Result<ObjectName, String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok(ObjectName::new(namespace, name))
        }
        _ => Err("expected NAMESPACE/NAME, such as istio-system/istio-egressgateway".to_owned()),
    }
}

pub(crate) fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(':')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("expected NAME:VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
