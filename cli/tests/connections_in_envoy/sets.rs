//! The policies under test.

use outgate_policy::Policy;
use outgate_policy::config::{Mesh, PluginType};
use outgate_policy::resource::AuthorizationPolicy;
use outgate_sdk::filter_config::{FilterConfig, FilterConfigBuilder};
use outgate_sdk::rbac;
use serde_json::{Value, json};

pub(crate) const SLEEP: &str = "cluster.local/ns/default/sa/sleep";
pub(crate) const NOTSLEEP: &str = "cluster.local/ns/default/sa/notsleep";

/// Policies that a port has.
pub(crate) struct Set {
    pub(crate) name: &'static str,
    policies: Vec<AuthorizationPolicy>,
}

impl Set {
    pub(crate) fn new(name: &'static str, policies: &[Value]) -> Self {
        let read =
            |policy: &Value| serde_json::from_value(policy.clone()).unwrap_or_else(|error| panic!("{policy}: {error}"));
        Self {
            name,
            policies: policies.iter().map(read).collect(),
        }
    }

    /// As native filters.
    pub(crate) fn native(&self) -> Vec<Value> {
        let checked = self.policies.iter().map(|policy| Policy::check(policy.clone()));
        let policies: Vec<Policy> = checked
            .map(|checked| checked.expect("the policy is valid").policy)
            .collect();
        rbac::render(PluginType::Network, &policies, &Mesh::default(), &[])
            .expect("there is no CUSTOM policy")
            .into_all()
    }

    /// As our filter's configuration.
    pub(crate) fn ours(&self) -> FilterConfig {
        let mut builder = FilterConfigBuilder::new().plugin_type(PluginType::Network);
        for policy in &self.policies {
            builder = builder.policy(policy.clone());
        }
        builder
            .build()
            .unwrap_or_else(|refused| panic!("{}: {refused:?}", self.name))
    }

    pub(crate) fn revision(&self) -> String {
        self.ours().revision.to_string()
    }
}

fn policy(name: &str, action: &str, rules: &str) -> Value {
    let rules: Value = serde_json::from_str(rules).unwrap_or_else(|error| panic!("{rules}: {error}"));
    json!({
        "metadata": {"namespace": "istio-system", "name": name},
        "spec": {"action": action, "rules": rules},
    })
}

pub(crate) fn deny(name: &str, rules: &str) -> Value {
    policy(name, "DENY", rules)
}

fn allow(name: &str, rules: &str) -> Value {
    policy(name, "ALLOW", rules)
}

fn source(source: &str) -> String {
    format!(r#"[{{"from": [{{"source": {source}}}]}}]"#)
}

fn operation(operation: &str) -> String {
    format!(r#"[{{"to": [{{"operation": {operation}}}]}}]"#)
}

fn when(key: &str, values: &str) -> String {
    format!(r#"[{{"when": [{{"key": "{key}", {values}}}]}}]"#)
}

pub(crate) fn sets() -> Vec<Set> {
    let denies = |name, rules: &str| Set::new(name, &[deny("p", rules)]);
    let allows = |name, rules: &str| Set::new(name, &[allow("p", rules)]);
    vec![
        Set::new("no policy", &[]),
        denies(
            "principal",
            &source(r#"{"principals": ["cluster.local/ns/default/sa/sleep"]}"#),
        ),
        denies(
            "principal by prefix",
            &source(r#"{"principals": ["cluster.local/ns/default/*"]}"#),
        ),
        denies("anyone with a name", &source(r#"{"principals": ["*"]}"#)),
        denies(
            "not this principal",
            &source(r#"{"notPrincipals": ["cluster.local/ns/default/sa/sleep"]}"#),
        ),
        denies("namespace", &source(r#"{"namespaces": ["default"]}"#)),
        denies("service account", &source(r#"{"serviceAccounts": ["default/sleep"]}"#)),
        denies("address", &source(r#"{"ipBlocks": ["127.0.0.2"]}"#)),
        denies("client's address", &source(r#"{"remoteIpBlocks": ["127.0.0.0/31"]}"#)),
        denies("not this address", &source(r#"{"notIpBlocks": ["127.0.0.1"]}"#)),
        denies("another port", &operation(r#"{"ports": ["5432"]}"#)),
        denies("not another port", &operation(r#"{"notPorts": ["5432"]}"#)),
        denies("SNI", &when("connection.sni", r#""values": ["db.example"]"#)),
        denies(
            "SNI in capitals",
            &when("connection.sni", r#""values": ["DB.example"]"#),
        ),
        denies("SNI by suffix", &when("connection.sni", r#""values": ["*.example"]"#)),
        denies(
            "not this SNI",
            &when("connection.sni", r#""notValues": ["db.example"]"#),
        ),
        denies("any SNI", &when("connection.sni", r#""values": ["*"]"#)),
        denies("destination", &when("destination.ip", r#""values": ["127.0.0.1"]"#)),
        denies("a method", &operation(r#"{"methods": ["GET"]}"#)),
        denies(
            "a method and a port",
            &operation(r#"{"methods": ["GET"], "ports": ["5432"]}"#),
        ),
        denies("a path that must not be", &operation(r#"{"notPaths": ["/x"]}"#)),
        denies(
            "a host, from a principal",
            r#"[{"from": [{"source": {"principals": ["cluster.local/ns/default/sa/sleep"]}}], "to": [{"operation": {"hosts": ["x"]}}]}]"#,
        ),
        denies("a header", &when("request.headers[x]", r#""values": ["y"]"#)),
        denies(
            "a claim, or an SNI",
            r#"[{"when": [{"key": "request.auth.claims[a]", "values": ["b"]}, {"key": "connection.sni", "values": ["other.example"]}]}]"#,
        ),
        allows(
            "only a principal",
            &source(r#"{"principals": ["cluster.local/ns/default/sa/sleep"]}"#),
        ),
        allows("only an SNI", &when("connection.sni", r#""values": ["db.example"]"#)),
        allows("only by a method", &operation(r#"{"methods": ["GET"]}"#)),
        allows(
            "by a path, or from a namespace",
            r#"[{"to": [{"operation": {"paths": ["/"]}}]}, {"from": [{"source": {"namespaces": ["default"]}}]}]"#,
        ),
        allows(
            "a source with a token beside one without",
            r#"[{"from": [{"source": {"requestPrincipals": ["*"]}}, {"source": {"principals": ["*"]}}]}]"#,
        ),
        allows("nobody", "[]"),
        Set::new(
            "both",
            &[
                deny("d", &when("connection.sni", r#""values": ["other.example"]"#)),
                allow("a", &source(r#"{"namespaces": ["default"]}"#)),
            ],
        ),
        Set::new(
            "only tried",
            &[{
                let mut tried = deny("d", "[{}]");
                tried["metadata"]["annotations"] = json!({"istio.io/dry-run": "true"});
                tried
            }],
        ),
        Set::new("marked", &[policy("m", "AUDIT", "[{}]")]),
    ]
}
