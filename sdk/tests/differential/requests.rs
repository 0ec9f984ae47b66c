//! Generated requests: odd in every way that a proxy hands on.

use std::net::IpAddr;

use outgate_policy::{Fields, Headers, Metadata, MetadataValue, Peer, Request, Unreadable, without_query};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A request and its connection.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// `None` without TLS.
    pub(crate) peer: Option<Names>,
    pub(crate) direct: Option<IpAddr>,
    pub(crate) remote: Option<IpAddr>,
    pub(crate) destination: Option<IpAddr>,
    pub(crate) port: Option<u16>,
    pub(crate) sni: Option<Vec<u8>>,
    /// By filter.
    pub(crate) metadata: Value,
    ours: Ours,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    pub(crate) uris: Vec<Vec<u8>>,
    pub(crate) dns: Vec<Vec<u8>>,
    pub(crate) subject: Vec<u8>,
}

/// The same, as the engine takes it.
#[derive(Clone, Debug)]
struct Ours {
    headers: Headers,
    peer: Option<Peer>,
    metadata: Metadata,
}

impl World {
    /// The path as Envoy's matchers cut it.
    pub(crate) fn path(&self) -> Option<&[u8]> {
        let (_, path) = self.headers.iter().find(|(name, _)| name == ":path")?;
        let end = path.iter().position(|byte| b"?#".contains(byte)).unwrap_or(path.len());
        debug_assert_eq!(&path[..end], without_query(path));
        Some(&path[..end])
    }
}

impl Request for World {
    fn headers(&self) -> Result<&Headers, Unreadable> {
        Ok(&self.ours.headers)
    }
    fn peer(&self) -> Result<Option<&Peer>, Unreadable> {
        Ok(self.ours.peer.as_ref())
    }
    fn source_ip(&self) -> Result<Option<IpAddr>, Unreadable> {
        Ok(self.direct)
    }
    fn remote_ip(&self) -> Result<Option<IpAddr>, Unreadable> {
        Ok(self.remote)
    }
    fn destination_ip(&self) -> Result<Option<IpAddr>, Unreadable> {
        Ok(self.destination)
    }
    fn destination_port(&self) -> Result<Option<u16>, Unreadable> {
        Ok(self.port)
    }
    fn sni(&self) -> Result<Option<&[u8]>, Unreadable> {
        Ok(self.sni.as_deref())
    }
    fn metadata(&self) -> Result<&Metadata, Unreadable> {
        Ok(&self.ours.metadata)
    }
}

pub(crate) fn world() -> impl Strategy<Value = World> {
    let addresses = (
        option::weighted(0.9, address()),
        option::weighted(0.9, address()),
        option::weighted(0.9, address()),
    );
    let port = option::weighted(0.9, prop::sample::select(vec![80_u16, 8080, 8443]));
    (headers(), peer(), addresses, port, sni(), metadata()).prop_map(
        |(headers, peer, (direct, remote, destination), port, sni, metadata)| World {
            ours: Ours {
                headers: headers.iter().map(|(name, value)| (name, value)).collect(),
                peer: peer
                    .as_ref()
                    .map(|names| Peer::new(names.uris.clone(), names.dns.clone(), names.subject.clone())),
                metadata: metadata_of(&metadata),
            },
            headers,
            peer,
            direct,
            remote,
            destination,
            port,
            sni,
            metadata,
        },
    )
}

fn pick(texts: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(texts).prop_map(|text| text.as_bytes().to_vec())
}

fn headers() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let authority = pick(&[
        "a.com",
        "A.COM",
        "b.a.com",
        "a.com:80",
        "a.com.",
        "b.a.com:8443",
        "c.org",
        "",
        "a.com,b.com",
    ]);
    let path = pick(&[
        "/", "", "/x", "/x/", "/X", "/x/y", "/x/a/y", "/x/a/b", "/x?q=/y", "/x#y", "//y", "/x//y", "/x/\"", "/x/%41*=",
        "/y", "/x/y/", "/x/a?b#c",
    ]);
    let method = pick(&["GET", "POST", "PUT", "HEAD"]);
    let line = prop_oneof![
        6 => pick(&["1", "12", "21", "a", "A", "", "1,2", "/x"]),
        1 => Just(vec![0xFF, b'1']),
        1 => Just("é".as_bytes().to_vec()),
    ];
    let others = vec((prop::sample::select(vec!["x-a", "x-b"]), line), 0..4);
    (
        option::weighted(0.95, authority),
        option::weighted(0.95, path),
        option::weighted(0.98, method),
        others,
    )
        .prop_map(|(authority, path, method, others)| {
            let pseudo = [(":authority", authority), (":path", path), (":method", method)];
            let pseudo = pseudo.into_iter().filter_map(|(name, value)| Some((name, value?)));
            pseudo
                .chain(others)
                .map(|(name, value)| (name.to_owned(), value))
                .collect()
        })
}

fn peer() -> impl Strategy<Value = Option<Names>> {
    let uri = prop_oneof![
        12 => pick(&[
            "spiffe://td/ns/n/sa/s", "spiffe://td/ns/n/sa/s2", "spiffe://td/ns/m/sa/s", "spiffe://old/ns/n/sa/s",
            "spiffe://cluster.local/ns/n/sa/s", "spiffe://other/ns/m/sa/t", "spiffe://xtd/ns/n/sa/s",
            "spiffe://td/ns/n/x/sa/s", "spiffe://td/ns/nm/sa/s/more", "spiffe://td/ns/n/sa/s/", "spiffe://td/ns/n",
            "spiffe:///ns/n/sa/s", "spiffe://td", "https://x/ns/n/y", "https://td/ns/n/sa/s", "", "spiffe://",
            "spiffe://td/x/ns/n/ns/m/sa/s", "spiffe://old/ns//sa/s", "spiffe://td/ns/n/sa/t/sa/s",
        ]),
        1 => pick(&["spiffe://td\n/ns/n/sa/s", "spiffe://td/ns/n/sa/s\n", "\n"]),
        1 => Just(b"spiffe://td/ns/n/\xFF/sa/s".to_vec()),
        1 => Just(b"\xFF".to_vec()),
    ];
    let dns = pick(&["a.com", "td/ns/n/sa/s", "spiffe://td/ns/n/sa/s", "x/ns/n/y"]);
    let subject = pick(&["", "CN=a", "CN=/ns/n/x", "O=spiffe://td/ns/n/sa/s"]);
    let names = (vec(uri, 0..3), vec(dns, 0..2), subject);
    let names = names.prop_map(|(uris, dns, subject)| Names { uris, dns, subject });
    option::weighted(0.85, names)
}

fn address() -> impl Strategy<Value = IpAddr> {
    let addresses = [
        "10.0.0.1",
        "10.0.0.2",
        "10.1.2.3",
        "192.168.7.7",
        "2001:db8::1",
        "::1",
        "::ffff:10.0.0.1",
    ];
    prop::sample::select(addresses.map(|address| address.parse().expect("an address")).to_vec())
}

fn sni() -> impl Strategy<Value = Option<Vec<u8>>> {
    option::weighted(0.7, pick(&["a.com", "b.a.com", "c.org", ""]))
}

fn metadata() -> impl Strategy<Value = Value> {
    let text =
        prop::sample::select(vec!["x", "y1", "1z", "", "i", "s", "https://i", "x y", "a\nb"]).prop_map(Value::from);
    let scalar = prop_oneof![
        8 => text,
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(json!(1)),
    ];
    let value = scalar.prop_recursive(2, 8, 3, |inner| {
        let object = vec((prop::sample::select(vec!["b", "c"]), inner.clone()), 0..3);
        prop_oneof![
            vec(inner, 0..4).prop_map(Value::from),
            object.prop_map(|fields| fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    });
    let claims = vec(
        (
            prop::sample::select(vec!["iss", "sub", "aud", "azp", "a", "scope", "a][b]"]),
            value.clone(),
        ),
        0..7,
    );
    // A token mostly has an issuer and a subject.
    let issuer = option::weighted(0.8, prop::sample::select(vec!["i", "https://i", "x", "ii", ""]));
    let subject = option::weighted(0.8, prop::sample::select(vec!["s", "x", "xs", "i/s", ""]));
    let payload = (claims, issuer, subject).prop_map(|(claims, issuer, subject)| {
        let usual = [("iss", issuer), ("sub", subject)];
        let usual = usual
            .into_iter()
            .filter_map(|(key, value)| Some((key, Value::from(value?))));
        let all = usual.chain(claims);
        all.map(|(key, value)| (key.to_owned(), value)).collect::<Value>()
    });
    (option::weighted(0.8, payload), option::weighted(0.6, value)).prop_map(|(payload, lua)| {
        let mut filters = serde_json::Map::new();
        if let Some(payload) = payload {
            filters.insert("envoy.filters.http.jwt_authn".to_owned(), json!({ "payload": payload }));
        }
        if let Some(lua) = lua {
            filters.insert("envoy.filters.http.lua".to_owned(), json!({ "k": lua }));
        }
        Value::Object(filters)
    })
}

fn metadata_of(filters: &Value) -> Metadata {
    let filters = filters.as_object().expect("an object").iter();
    filters
        .map(|(filter, fields)| (filter.clone(), fields_of(fields)))
        .collect()
}

fn fields_of(object: &Value) -> Fields {
    let fields = object.as_object().expect("an object").iter();
    fields.map(|(key, value)| (key.clone(), value_of(value))).collect()
}

fn value_of(value: &Value) -> MetadataValue {
    match value {
        Value::Null => MetadataValue::Null,
        Value::Bool(value) => MetadataValue::Bool(*value),
        Value::Number(number) => MetadataValue::Number(number.as_f64().expect("a double")),
        Value::String(text) => MetadataValue::String(text.clone().into()),
        Value::Array(elements) => MetadataValue::List(elements.iter().map(value_of).collect()),
        Value::Object(_) => MetadataValue::Struct(fields_of(value)),
    }
}
