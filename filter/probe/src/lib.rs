//! A module of three custom policies that do what their configuration says, so that tests can have them do anything.

mod probe;
mod script;

use outgate_filter::custom_policy::Attribute;

probe::probe! {
    /// Reads the headers, and watches for the end of requests.
    First = "first", reads [Attribute::Headers], watches end
}

probe::probe! {
    /// Reads the caller, too.
    Second = "second", reads [Attribute::Headers, Attribute::Peer]
}

probe::probe! {
    /// Reads everything.
    Third = "third", reads [
        Attribute::Headers, Attribute::Peer, Attribute::SourceIp, Attribute::RemoteIp, Attribute::DestinationIp,
        Attribute::DestinationPort, Attribute::Sni, Attribute::Metadata
    ]
}

outgate_filter::module!(First, Second, Third; exports: log);
