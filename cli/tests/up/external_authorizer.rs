//! `CUSTOM` policies and an authorizer on this machine.

use crate::SLEEP;
use crate::envoy::upstream::Upstream;
use crate::run::{Manifests, Running, Tools};

const POLICY: &str = "\
apiVersion: v1
kind: Service
metadata: {name: authz, namespace: default}
spec: {ports: [{name: http, port: 8000}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ask, namespace: istio-system}
spec:
  selector: {matchLabels: {istio: egressgateway}}
  action: CUSTOM
  provider: {name: sso}
  rules: [{to: [{operation: {paths: [/anything]}}]}]
";

const TRUST_DOMAIN: &str = "    trustDomain: cluster.local\n";
const PROVIDER: &str = "    extensionProviders: [{name: sso, envoyExtAuthzHttp: {service: authz.default.svc.cluster.local, \
                        port: 8000, pathPrefix: /check}}]\n";

#[test]
fn custom_policies_ask_an_authorizer_here_and_change_while_it_runs() {
    let Some(tools) = Tools::find() else { return };
    for authorization in ["outgate", "native"] {
        let manifests = Manifests::example();
        manifests.edit("mesh-config.yaml", TRUST_DOMAIN, &[TRUST_DOMAIN, PROVIDER].concat());
        manifests.write("ask.yaml", POLICY);
        let authorizer = Upstream::start();
        let map = format!("authz.default.svc.cluster.local:8000={}", authorizer.address());
        let options = ["--watch", "--authorization", authorization, "--map", &map];
        let running = Running::start(&tools, &manifests, &options);
        let asked = |path: &str| {
            let status = running.get(SLEEP, &format!("http://test.com{path}")).status;
            (status, authorizer.take_seen())
        };
        assert_eq!(
            asked("/anything"),
            (200, vec!["GET /check/anything".to_owned()]),
            "{authorization}"
        );
        assert_eq!(asked("/ip"), (200, Vec::new()), "{authorization}");
        // Envoy's own filters change with their listener, and connections that there are keep the old ones for a while.
        if authorization == "native" {
            continue;
        }
        manifests.edit("ask.yaml", "paths: [/anything]", "paths: [/ip]");
        running.event("applied");
        assert_eq!(asked("/anything"), (200, Vec::new()));
        assert_eq!(asked("/ip"), (200, vec!["GET /check/ip".to_owned()]));

        manifests.edit("ask.yaml", "provider: {name: sso}", "provider: {name: oss}");
        assert_eq!(running.event("refused")["count"], 1);
        assert_eq!(asked("/ip"), (200, vec!["GET /check/ip".to_owned()]));
        running.stop("INT");
    }
}
