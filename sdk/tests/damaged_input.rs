//! Whatever the input is, it is read or refused; nothing panics, and every diagnostic can be shown.

use outgate_sdk::input::Input;
use outgate_sdk::manifest::{Manifests, ObjectName};
use std::collections::BTreeMap;

const SAMPLE: &str = r#"# a comment
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: p, namespace: istio-system, labels: {a: "ü"}}
spec:
  selector: {matchLabels: {istio: egressgateway}}
  action: DENY
  rules:
  - from: &from
    - source: {principals: ["cluster.local/ns/*"], notIpBlocks: [10.0.0.0/8]}
    to:
    - operation: {hosts: ['test.com'], paths: ["/a/{*}", "/\u00e9"], ports: ["80"]}
    when:
    - key: request.headers[x]
      values: [a*b]
  - from: *from
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |-
    trustDomain: td
    defaultConfig:
      gatewayTopology: {numTrustedProxies: 1}
---
{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry",
  "metadata": {"name": "s"}, "spec": {"hosts": ["a.com"], "ports": [{"number": 80, "name": "http"}]}}]}
"#;

/// Numbers that look random and are the same on every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

fn damaged(numbers: &mut Numbers) -> String {
    const PIECES: [&str; 24] = [
        "\t", "\n", ":", "- ", "{", "}", "[", "]", "\"", "'", "*from", "&a ", "!x ", "|\n", ">-\n", "---\n", "#",
        "null", "on", "\0", "\u{feff}", "é", "  ", "<<: ",
    ];
    let mut letters: Vec<char> = SAMPLE.chars().collect();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(letters.len());
        match numbers.below(4) {
            0 => {
                letters.remove(at);
            }
            1 => letters.truncate(at.max(1)),
            2 => {
                let end = (at + numbers.below(40)).min(letters.len());
                letters.drain(at..end);
                letters.push('\n');
            }
            _ => {
                let piece = PIECES[numbers.below(PIECES.len())];
                letters.splice(at..at, piece.chars());
            }
        }
    }
    letters.into_iter().collect()
}

#[test]
fn damaged_input_is_read_or_refused() {
    let mut numbers = Numbers(7);
    let labels = BTreeMap::from([("istio".to_owned(), "egressgateway".to_owned())]);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..5_000 {
        let text = damaged(&mut numbers);
        let (manifests, mut diagnostics) = Manifests::load(&[Input::Text {
            name: "a.yaml".to_owned(),
            text,
        }]);
        diagnostics.extend(manifests.lint());
        let gateway = manifests.gateway_workload(&ObjectName::new("istio-system", "gw"), &labels);
        diagnostics.extend(manifests.unselected(std::slice::from_ref(&gateway)));
        diagnostics.sort();
        let shown = diagnostics.render(manifests.sources(), false);
        assert_eq!(
            diagnostics.records(manifests.sources()).len(),
            diagnostics.iter().count()
        );
        assert_eq!(shown.is_empty(), diagnostics.is_empty());
        match manifests.filter_config(&gateway, &outgate_sdk::filter_config::FilterOptions::default()) {
            Ok(_) => read += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(read > 100 && refused > 100, "{read} read, {refused} refused");
}
