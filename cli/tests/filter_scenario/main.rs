//! Scenarios of filters, as the command plays them.

mod contradictions;
mod documentation;
mod errors;
mod expectations;
mod messages;
#[path = "../pages/page.rs"]
mod page;
mod played;
mod plugin;
mod reports;
#[path = "../command/run.rs"]
mod run;
mod steps;
mod tables;
mod upstreams;
mod watch;

use played::{example, outgate};

#[test]
fn the_example_passes() {
    let all = outgate(&example(), &["."]);
    assert_eq!(all.status, 0, "{}", all.text());
    assert!(all.out.contains("14 passed, 0 failed"), "{}", all.out);
    let tagged = outgate(&example(), &["gate.yaml", "--tag", "bodies", "--json"]);
    assert_eq!(
        (tagged.status, &tagged.json()["passed"]),
        (0, &2.into()),
        "{}",
        tagged.out
    );
    let table = outgate(&example(), &[".", "--case", "paths", "--json"]);
    assert_eq!(table.json()["passed"], 3, "{}", table.out);
}
