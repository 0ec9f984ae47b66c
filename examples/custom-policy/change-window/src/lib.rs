//! Change windows: hosts that may be called at certain times only.
//!
//! ```yaml
//! change-window:
//!   windows:                             # the first that is about a caller and a host counts
//!   - name: partner-admin
//!     hosts: [admin.partner.example]
//!     principals: ["cluster.local/ns/ops/*"]     # left out: everybody
//!     utcOffset: "+02:00"                # left out: UTC
//!     open:
//!     - {days: [Mon, Tue, Wed, Thu], from: "22:00", to: "04:00"}    # until the next morning
//!     - {days: [Sat], from: "00:00", to: "24:00"}
//!     except: ["2026-12-24", "2026-12-31"]       # closed all day
//! ```
//!
//! * `config`: the above, checked.
//! * `schedule`: when it is open, and when it opens next.
//! * `calendar`: days, dates and times of a day.

mod calendar;
mod config;
mod schedule;
#[cfg(test)]
mod tests;

use outgate_filter::custom_policy::prelude::*;

use config::{Settings, Window};

outgate_filter::module!(ChangeWindow);

/// Stops calls to a host outside of its window.
struct ChangeWindow {
    windows: Vec<Window>,
}

impl CustomPolicy for ChangeWindow {
    const NAME: &'static str = "change-window";
    const READS: &'static [Attribute] = &[Attribute::Headers, Attribute::Peer];
    type Config = Settings;

    fn new(settings: Settings) -> Result<Self, Invalid> {
        Ok(Self {
            windows: settings.check()?,
        })
    }

    fn check(&self, request: &Request<'_>, _: &Decision<'_>, services: &Services<'_>) -> Answer {
        let Some(host) = request.host_name() else {
            return Answer::Abstain;
        };
        let mut windows = self.windows.iter();
        let Some(window) = windows.find(|window| window.is_about(&host, request.peer())) else {
            return Answer::Abstain;
        };
        let now = window.schedule.local(services.now().as_secs());
        if window.schedule.is_open(now) {
            request.log_field("open", &window.name);
            return Answer::Abstain;
        }
        let body = match window.schedule.opens_after(now) {
            Some(opening) => {
                let opening = window.schedule.written(opening);
                request.log_field("opens", &opening);
                ["outside of the change window; it opens at ", &opening, "\n"].concat()
            }
            None => "outside of the change window\n".to_owned(),
        };
        Deny::new(&window.name).body(body).into()
    }
}
