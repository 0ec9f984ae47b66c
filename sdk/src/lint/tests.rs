use crate::input::Input;
use crate::manifest::Manifests;

/// `code field` of each lint of a policy.
fn lints(action: &str, rule: &str) -> Vec<String> {
    let text = format!(
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: p}}\nspec:\n  action: {action}\n  rules:\n  - \
         {rule}\n"
    );
    let (manifests, diagnostics) = Manifests::load(&[Input::Text {
        name: "a.yaml".to_owned(),
        text,
    }]);
    assert_eq!(
        diagnostics.errors(),
        0,
        "{}",
        diagnostics.render(manifests.sources(), false)
    );
    let show = |record: crate::diagnostic::Record| {
        let field = record.field.unwrap_or_default();
        format!(
            "{} {}",
            record.code.unwrap_or_default(),
            field.replace("spec.rules[0].", "")
        )
    };
    manifests
        .lint()
        .records(manifests.sources())
        .into_iter()
        .map(show)
        .collect()
}

fn operation(fields: &str) -> String {
    format!("to: [{{operation: {{{fields}}}}}]")
}

fn when(key: &str, value: &str) -> String {
    format!("when: [{{key: '{key}', values: ['{value}']}}]")
}

#[test]
fn stars_that_are_letters() {
    let path = "OG001 to[0].operation.paths[0]";
    let rows: [(String, &[&str]); 10] = [
        (operation("paths: [/a/*/b]"), &[path]),
        (operation("paths: ['*a*']"), &[path]),
        (operation("paths: ['**']"), &[path]),
        (operation("paths: ['*']"), &[]),
        (operation("paths: [/a*]"), &[]),
        (operation("paths: ['*/a']"), &[]),
        (operation("paths: ['/a/{*}/{**}']"), &[]),
        (when("request.headers[x]", "a*b"), &["OG001 when[0].values[0]"]),
        (when("source.namespace", "a*b"), &[]),
        (
            "from: [{source: {principals: ['*/ns/*']}}]".to_owned(),
            &["OG001 from[0].source.principals[0]"],
        ),
    ];
    for (rule, expected) in rows {
        assert_eq!(lints("ALLOW", &rule), expected, "{rule}");
    }
}

#[test]
fn hosts_without_a_port_open_a_hole() {
    let host = "OG002 to[0].operation.hosts[0]";
    let not_host = "OG002 to[0].operation.notHosts[0]";
    let rows: [(&str, &str, &[&str]); 11] = [
        ("DENY", "ports: ['1'], hosts: [test.com]", &[host]),
        ("DENY", "ports: ['1'], hosts: ['*.test.com']", &[host]),
        ("DENY", "ports: ['1'], hosts: [test.com, 'test.com:*']", &[]),
        ("DENY", "ports: ['1'], hosts: [test.com, 'test.com:8080']", &[]),
        ("DENY", "ports: ['1'], hosts: ['test.com:80']", &[]),
        ("DENY", "ports: ['1'], hosts: ['test.com*']", &[]),
        ("DENY", "ports: ['1'], hosts: ['*']", &[]),
        ("DENY", "ports: ['1'], notHosts: [test.com]", &[]),
        ("ALLOW", "hosts: [test.com]", &[]),
        ("ALLOW", "notHosts: [test.com]", &[not_host]),
        ("AUDIT", "hosts: [test.com]", &[]),
    ];
    for (action, fields, expected) in rows {
        assert_eq!(lints(action, &operation(fields)), expected, "{action} {fields}");
    }
}

#[test]
fn ports_server_names_and_methods_that_never_match() {
    let rows: [(String, &[&str]); 9] = [
        (operation("ports: ['80']"), &["OG003 to[0].operation.ports[0]"]),
        (operation("notPorts: ['0443']"), &["OG003 to[0].operation.notPorts[0]"]),
        (operation("ports: ['8443']"), &[]),
        (when("destination.port", "443"), &["OG003 when[0].values[0]"]),
        (when("connection.sni", "Test.com"), &["OG004 when[0].values[0]"]),
        (when("connection.sni", "test.com"), &[]),
        (operation("methods: [get]"), &["OG006 to[0].operation.methods[0]"]),
        (operation("methods: [GET, '*']"), &[]),
        (when("request.headers[x]", "80"), &[]),
    ];
    for (rule, expected) in rows {
        assert_eq!(lints("ALLOW", &rule), expected, "{rule}");
    }
}

#[test]
fn hosts_that_no_proxy_takes() {
    let rows: [(String, &[&str]); 5] = [
        (
            operation("hosts: [b\u{fc}cher.example]"),
            &["OG009 to[0].operation.hosts[0]"],
        ),
        (
            operation("notHosts: ['*.\u{65e5}\u{672c}.jp']"),
            &["OG009 to[0].operation.notHosts[0]"],
        ),
        (
            when("request.headers[:authority]", "b\u{fc}cher.example"),
            &["OG009 when[0].values[0]"],
        ),
        (operation("hosts: [xn--bcher-kva.example]"), &[]),
        (operation("paths: [/caf\u{e9}]"), &[]),
    ];
    for (rule, expected) in rows {
        assert_eq!(lints("AUDIT", &rule), expected, "{rule}");
    }
}

#[test]
fn providers_that_cannot_be_asked() {
    let found = |providers: &str| {
        let policy = |name: &str, provider: &str| {
            format!(
                "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: {name}}}\nspec: {{action: CUSTOM, \
                 provider: {{name: {provider}}}, rules: [{{}}]}}\n"
            )
        };
        let text = policy("one", "a") + &policy("two", "a") + providers;
        let name = "a.yaml".to_owned();
        let (manifests, _) = Manifests::load(&[Input::Text { name, text }]);
        let records = manifests.lint().records(manifests.sources());
        let shown = records.into_iter().map(|record| {
            let (line, column) = record.line.zip(record.column).unwrap_or_default();
            let (code, field) = (record.code.unwrap_or_default(), record.field.unwrap_or_default());
            format!("{code} {line}:{column} {field}")
        });
        shown.collect::<Vec<_>>()
    };
    let mesh = |providers: &str| {
        format!(
            "---\napiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {{name: m}}\nspec:\n  meshConfig:\n    \
             extensionProviders:\n    - {providers}\n"
        )
    };
    // Where the mesh configuration is not among the files, nothing is known of its providers.
    assert_eq!(found(""), [""; 0]);
    assert_eq!(found(&mesh("{name: b}")), ["OG007 5:41 spec.provider.name"]);
    let grpc = mesh("{name: a, envoyExtAuthzGrpc: {service: a, port: 1}}");
    assert_eq!(found(&grpc), ["OG008 18:17 extensionProviders[0].envoyExtAuthzGrpc"]);
    let http = |fields: &str| {
        mesh(&format!(
            "{{name: a, envoyExtAuthzHttp: {{service: a, port: 1{fields}}}}}"
        ))
    };
    assert_eq!(
        found(&http(", timeout: 0s")),
        ["OG008 18:67 extensionProviders[0].envoyExtAuthzHttp.timeout"]
    );
    assert_eq!(
        found(&http(", headersToDownstreamOnAllow: [x]")),
        ["OG008 18:58 extensionProviders[0].envoyExtAuthzHttp.headersToDownstreamOnAllow"]
    );
    assert_eq!(found(&http("")), [""; 0]);
}
