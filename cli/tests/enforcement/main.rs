//! Where and how a gateway's policies are enforced, as the command's users say it: at sidecars, about connections, in the canonical
//! form of requests.

#[path = "../command/in_directory.rs"]
mod in_directory;
#[path = "../command/run.rs"]
mod run;

mod build;
mod explain;

const GATEWAY: [&str; 2] = ["--gateway", "istio-system/istio-egressgateway"];

/// A policy that denies what one rule says.
fn policy(namespace: &str, rule: &str) -> String {
    format!(
        "\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: p, namespace: {namespace}}}
spec:
  action: DENY
  rules:
  - {rule}
"
    )
}
