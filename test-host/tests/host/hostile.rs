//! Hostile guests: whatever a module does with its imports, the host neither panics nor hangs, and says what it thinks of it.

use std::fmt::Write;

use outgate_test_host::{Connection, Host, HostCall, Limits, Module, Peer, Request, Response, Upstream, UpstreamReply};

/// How many filters are made up. Each calls a dozen imports, in each callback that it has.
const FILTERS: u64 = 400;

/// A generator of numbers that are the same on every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize]
    }

    /// An argument: numbers of the ABI, addresses at the edges of memory, and anything.
    fn argument(&mut self) -> i32 {
        match self.below(8) {
            0..=2 => self.one_of(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16]),
            3 => self.one_of(&[-1, i32::MIN, i32::MAX]),
            4 => self.one_of(&[65_532, 65_535, 65_536, 65_537, 60_000]),
            5 => self.one_of(&[1024, 1028, 1032, 2048]),
            _ => self.next() as i32,
        }
    }
}

const CALLBACKS: [(&str, &str); 14] = [
    ("proxy_on_context_create", "(param i32 i32)"),
    ("proxy_on_configure", "(param i32 i32) (result i32)"),
    ("proxy_on_request_headers", "(param i32 i32 i32) (result i32)"),
    ("proxy_on_request_body", "(param i32 i32 i32) (result i32)"),
    ("proxy_on_request_trailers", "(param i32 i32) (result i32)"),
    ("proxy_on_response_headers", "(param i32 i32 i32) (result i32)"),
    ("proxy_on_response_body", "(param i32 i32 i32) (result i32)"),
    ("proxy_on_response_trailers", "(param i32 i32) (result i32)"),
    ("proxy_on_downstream_data", "(param i32 i32 i32) (result i32)"),
    ("proxy_on_http_call_response", "(param i32 i32 i32 i32 i32)"),
    ("proxy_on_queue_ready", "(param i32 i32)"),
    ("proxy_on_tick", "(param i32)"),
    ("proxy_on_log", "(param i32)"),
    ("proxy_on_done", "(param i32) (result i32)"),
];

/// The type of an import, as the engine gives it away when it is imported as another.
fn parameters(call: HostCall) -> Vec<&'static str> {
    let wat = format!(
        r#"(module (import "env" "{call}" (func (param f64))) (func (export "proxy_abi_version_0_2_1"))
             (memory (export "memory") 1) (func (export "malloc") (param i32) (result i32) i32.const 0))"#
    );
    let error = Module::from_bytes(&wat::parse_str(wat).unwrap())
        .unwrap_err()
        .to_string();
    let (_, found) = error
        .rsplit_once("found type `")
        .expect("the engine says which type it has");
    let words = found.split(|c: char| !c.is_ascii_alphanumeric());
    let mut types: Vec<_> = words
        .filter_map(|word| ["i32", "i64"].into_iter().find(|&known| known == word))
        .collect();
    // The last one is its status.
    types.pop();
    types
}

fn filter(numbers: &mut Numbers, types: &[(HostCall, Vec<&'static str>)]) -> String {
    let mut wat = "(module\n".to_owned();
    for (call, parameters) in types {
        let parameters = parameters.join(" ");
        _ = writeln!(
            wat,
            r#"(import "env" "{call}" (func ${call} (param {parameters}) (result i32)))"#
        );
    }
    let (pages, maximum) = (numbers.one_of(&[1, 2]), numbers.one_of(&["", "2", "65536"]));
    _ = writeln!(
        wat,
        r#"(func (export "proxy_abi_version_0_2_1")) (memory (export "memory") {pages} {maximum})
           (global $heap (mut i32) (i32.const 4096))"#
    );
    // Allocators that work, that fail, that point outside, and that trap.
    let allocator = numbers.one_of(&[
        "(global.get $heap) (global.set $heap (i32.add (global.get $heap) (local.get 0)))",
        "(global.get $heap) (global.set $heap (i32.add (global.get $heap) (local.get 0)))",
        "i32.const 0",
        "i32.const -8",
        "unreachable",
    ]);
    _ = writeln!(wat, r#"(func (export "malloc") (param i32) (result i32) {allocator})"#);
    for at in [1024, 2048, 60_000] {
        let bytes: String = (0..32).map(|_| format!("\\{:02x}", numbers.below(256))).collect();
        _ = writeln!(wat, r#"(data (i32.const {at}) "{bytes}")"#);
    }
    for (name, ty) in CALLBACKS {
        if numbers.below(4) == 0 {
            continue;
        }
        _ = writeln!(wat, r#"(func (export "{name}") {ty}"#);
        for _ in 0..12 {
            let (call, parameters) = &types[numbers.below(types.len() as u64) as usize];
            let arguments: Vec<String> = parameters
                .iter()
                .map(|ty| format!("({ty}.const {})", numbers.argument()))
                .collect();
            _ = writeln!(wat, "(drop (call ${call} {}))", arguments.join(" "));
        }
        match numbers.below(12) {
            0 => wat += "(loop (br 0))",
            1 => wat += "(drop (memory.grow (i32.const 65000)))",
            _ => {}
        }
        if ty.contains("result") {
            let answer = if name == "proxy_on_configure" {
                1
            } else {
                numbers.argument()
            };
            _ = writeln!(wat, "(i32.const {answer})");
        }
        wat += ")\n";
    }
    wat + ")"
}

#[test]
fn made_up_guests_end_in_words() {
    let types: Vec<_> = HostCall::ALL.iter().map(|&call| (call, parameters(call))).collect();
    assert!(
        types.iter().any(|(_, parameters)| parameters.len() == 12),
        "the types are known: {types:?}"
    );
    let mut limits = Limits::default();
    limits.fuel = 200_000;
    limits.start_fuel = 200_000;
    limits.memory = 1 << 20;
    limits.host_bytes = 1 << 20;
    limits.shared_bytes = 1 << 20;
    let (mut started, mut died, mut refused) = (0, 0, 0);
    for seed in 0..FILTERS {
        let mut numbers = Numbers(seed);
        let wat = filter(&mut numbers, &types);
        let module = Module::from_bytes(&wat::parse_str(&wat).expect("made-up filters are valid"))
            .unwrap_or_else(|error| panic!("seed {seed}: {error}\n{wat}"));
        let builder = Host::builder(&module)
            .limits(limits)
            .workers(2)
            .configuration("x")
            .upstream("", Upstream::new().otherwise(UpstreamReply::status(200)));
        let mut host = match builder.start() {
            Ok(host) => host,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                refused += 1;
                continue;
            }
        };
        started += 1;
        for worker in 0..2 {
            let request = Request::post("http://a/").body("hello").chunked(2).trailer("t", "1");
            let response = Response::new(200).body("hello").chunked(2).trailer("t", "1");
            let outcome = host.worker(worker).exchange(request, response);
            assert!(!outcome.to_string().is_empty());
            assert!(outcome.memory <= limits.memory);
            let mut connection = host.tcp_stream(Connection::new());
            connection.downstream_data(b"hello", false);
            connection.downstream_close(Peer::Remote);
            drop(connection.finish());
        }
        host.advance(std::time::Duration::from_millis(10));
        died += u32::from(host.failure().is_some());
        _ = host.shutdown();
    }
    // All kinds of end were met.
    assert!(
        started > 50 && died > 20 && refused > 20,
        "{started} started, {died} died, {refused} refused"
    );
}

#[test]
fn modules_that_are_cut_or_changed_are_refused_or_run() {
    let wasm = wat::parse_str(
        r#"(module (func (export "proxy_abi_version_0_2_1")) (memory (export "memory") 1)
             (func (export "malloc") (param i32) (result i32) i32.const 0)
             (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) i32.const 0))"#,
    )
    .unwrap();
    for length in 0..wasm.len() {
        assert!(
            Module::from_bytes(&wasm[..length]).is_err(),
            "the first {length} bytes are a module"
        );
    }
    for index in 0..wasm.len() {
        for bit in [0, 3, 7] {
            let mut changed = wasm.clone();
            changed[index] ^= 1 << bit;
            if let Ok(module) = Module::from_bytes(&changed)
                && let Ok(mut host) = Host::builder(&module).start()
            {
                drop(host.request(Request::get("http://a/")));
            }
        }
    }
}
