//! Which hosts a gateway's namespace may call, from `ServiceEntry` objects and the mesh's outbound traffic policy.

use std::collections::{BTreeMap, BTreeSet};

use outgate_policy::config::{OutboundMode, RegisteredHost, Registry};

use crate::manifest::{Manifest, Manifests, MeshConfig, OutboundTrafficMode, ServiceEntry};

impl Manifests {
    /// The hosts that are registered for `namespace`: in lower case, each once with all of its ports, in order.
    #[must_use]
    pub fn registry(&self, namespace: &str) -> Registry {
        let mesh = self.mesh_config().map(Manifest::content);
        let mode = mesh.and_then(|mesh| mesh.outbound_traffic_policy.mode);
        let mut hosts: BTreeMap<String, BTreeSet<u16>> = BTreeMap::new();
        for entry in self.service_entries() {
            if !is_visible(entry, namespace, mesh) {
                continue;
            }
            let spec = &entry.content().spec;
            for host in &spec.hosts {
                let ports = spec.ports.iter().flatten().map(|port| port.number);
                hosts.entry(host.to_lowercase()).or_default().extend(ports);
            }
        }
        Registry {
            mode: match mode {
                Some(OutboundTrafficMode::RegistryOnly) => OutboundMode::RegistryOnly,
                Some(OutboundTrafficMode::AllowAny | OutboundTrafficMode::AllowAnyDynamicDns) | None => {
                    OutboundMode::AllowAny
                }
            },
            hosts: hosts
                .into_iter()
                .map(|(host, ports)| RegisteredHost {
                    host,
                    ports: ports.into_iter().collect(),
                })
                .collect(),
        }
    }
}

/// `exportTo`: `*` is every namespace, `.` the entry's own, `~` none. Absent or empty, the mesh's default counts, and then `*`.
fn is_visible(entry: &Manifest<ServiceEntry>, namespace: &str, mesh: Option<&MeshConfig>) -> bool {
    let given = |list: &'_ Option<Vec<String>>| list.clone().filter(|list| !list.is_empty());
    let export_to = given(&entry.content().spec.export_to).or_else(|| given(&mesh?.default_service_export_to));
    let Some(export_to) = export_to else {
        return true;
    };
    export_to.iter().any(|to| match to.as_str() {
        "*" => true,
        "." => entry.name().namespace == namespace,
        "~" => false,
        named => named == namespace,
    })
}

#[cfg(test)]
mod tests {
    use outgate_policy::config::OutboundMode;

    use crate::input::Input;
    use crate::manifest::Manifests;

    fn entry(namespace: &str, name: &str, spec: &str) -> String {
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: \
             {spec}\n"
        )
    }

    fn hosts(text: &str, namespace: &str) -> Vec<String> {
        let text = text.to_owned();
        let name = "a.yaml".to_owned();
        let (manifests, diagnostics) = Manifests::load(&[Input::Text { name, text }]);
        assert_eq!(
            diagnostics.errors(),
            0,
            "{}",
            diagnostics.render(manifests.sources(), false)
        );
        let hosts = manifests.registry(namespace).hosts;
        hosts
            .iter()
            .map(|host| format!("{} {:?}", host.host, host.ports))
            .collect()
    }

    #[test]
    fn an_entry_is_registered_where_it_is_exported_to() {
        let rows = [
            ("absent", "", true, true),
            ("empty", "exportTo: [], ", true, true),
            ("star", "exportTo: ['*'], ", true, true),
            ("dot", "exportTo: [.], ", false, true),
            ("tilde", "exportTo: ['~'], ", false, false),
            ("named", "exportTo: [istio-system], ", true, false),
            ("another", "exportTo: [elsewhere], ", false, false),
        ];
        for (name, export_to, in_gateway, in_own) in rows {
            let text = entry("apps", "a", &format!("{{{export_to}hosts: [a.com]}}"));
            assert_eq!(!hosts(&text, "istio-system").is_empty(), in_gateway, "{name}");
            assert_eq!(!hosts(&text, "apps").is_empty(), in_own, "{name}");
        }
    }

    #[test]
    fn hosts_are_merged_and_sorted() {
        let text = entry(
            "a",
            "one",
            "{hosts: [Test.com, '*.Wild.org'], ports: [{number: 443, name: https, protocol: TLS}]}",
        ) + &entry(
            "b",
            "two",
            "{hosts: [test.com], ports: [{number: 80, name: http, protocol: HTTP}, {number: 443, name: tls}]}",
        );
        assert_eq!(hosts(&text, "c"), ["*.wild.org [443]", "test.com [80, 443]"]);
    }

    #[test]
    fn the_mesh_says_the_mode_and_the_default_visibility() {
        let mesh = |text: &str| {
            format!(
                "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: istio, namespace: istio-system}}\ndata: {{mesh: '{text}'}}\n"
            )
        };
        let mode = |text: String| {
            let name = "a.yaml".to_owned();
            Manifests::load(&[Input::Text { name, text }]).0.registry("x").mode
        };
        assert_eq!(mode(String::new()), OutboundMode::AllowAny);
        assert_eq!(
            mode(mesh("outboundTrafficPolicy: {mode: REGISTRY_ONLY}")),
            OutboundMode::RegistryOnly
        );
        assert_eq!(
            mode(mesh("outboundTrafficPolicy: {mode: ALLOW_ANY}")),
            OutboundMode::AllowAny
        );
        let own_only = mesh("defaultServiceExportTo: [.]") + &entry("apps", "a", "{hosts: [a.com]}");
        assert!(hosts(&own_only, "istio-system").is_empty());
        assert!(!hosts(&own_only, "apps").is_empty());
    }
}
