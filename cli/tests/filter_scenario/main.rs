//! Scenarios of filters, as the command plays them.

mod contradictions;
mod errors;
mod expectations;
mod messages;
mod played;
mod plugin;
mod reports;
mod steps;
mod tables;
mod upstreams;
mod watch;

use std::fs;

use played::{directory, example, outgate};

#[test]
fn the_example_passes() {
    let directory = directory(&[]);
    for file in ["gate.yaml", "authz.yaml"] {
        fs::copy(example().join(file), directory.path().join(file)).unwrap();
    }
    let all = outgate(directory.path(), &["."]);
    assert_eq!(all.status, 0, "{}", all.text());
    assert!(all.out.contains("14 passed, 0 failed"), "{}", all.out);
    let tagged = outgate(directory.path(), &["gate.yaml", "--tag", "bodies", "--json"]);
    assert_eq!(
        (tagged.status, &tagged.json()["passed"]),
        (0, &2.into()),
        "{}",
        tagged.out
    );
    let table = outgate(directory.path(), &[".", "--case", "paths", "--json"]);
    assert_eq!(table.json()["passed"], 3, "{}", table.out);
}
