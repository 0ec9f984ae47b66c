//! A rule, and how it is read.

use outgate_test_host::Profile;

/// A rule of a host's behaviour.
#[derive(Clone)]
pub(crate) struct Rule {
    pub(crate) id: &'static str,
    /// The rule in a sentence.
    pub(crate) says: &'static str,
    /// The functions of the filter, in WAT: see the fixtures.
    pub(crate) filter: &'static str,
    pub(crate) settings: Settings,
    pub(crate) exchanges: Vec<Exchange>,
    /// Is it about a connection? Then the exchange's body is what the client sends, and the server answers `re:` and the same.
    pub(crate) is_tcp: bool,
    /// What is seen in a host that is like Envoy.
    seen: Vec<&'static str>,
    /// What is seen in other profiles, where it differs.
    otherwise: Vec<(Profile, Vec<&'static str>)>,
    /// Profiles in which the rule means nothing.
    not_in: Vec<Profile>,
    pub(crate) origin: Origin,
}

/// Where the rule was known from before it was tried.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Written in the specification, or read in a proxy's source.
    Written,
    /// Concluded, or remembered; the trial confirmed it.
    Confirmed,
    /// Concluded, or remembered; the trial showed it to be otherwise. This is what was believed.
    Corrected(&'static str),
}

/// How the plugin is set up.
#[derive(Clone, Copy, Default)]
pub(crate) struct Settings {
    pub(crate) fails_open: bool,
    pub(crate) allow_headers_stop_iteration: bool,
    /// 0 is the default.
    pub(crate) buffer_limit: usize,
}

/// A request and its answer. A filter can tell them apart by the header `x-exchange`, from 0 up.
#[derive(Clone, Default)]
pub(crate) struct Exchange {
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) body: Vec<&'static str>,
    pub(crate) trailers: Vec<(&'static str, &'static str)>,
    pub(crate) answer: Message,
}

/// What the upstream answers, with status 200.
#[derive(Clone, Default)]
pub(crate) struct Message {
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) body: Vec<&'static str>,
    pub(crate) trailers: Vec<(&'static str, &'static str)>,
}

impl Rule {
    /// A rule that one `GET` without a body shows.
    pub(crate) fn new(id: &'static str, says: &'static str, filter: &'static str, seen: &[&'static str]) -> Self {
        Self {
            id,
            says,
            filter,
            settings: Settings::default(),
            exchanges: vec![Exchange::default()],
            is_tcp: false,
            seen: seen.to_vec(),
            otherwise: Vec::new(),
            not_in: Vec::new(),
            origin: Origin::Written,
        }
    }

    pub(crate) fn exchange(mut self, exchange: Exchange) -> Self {
        self.exchanges = vec![exchange];
        self
    }

    /// A rule that a connection shows, on which the client sends these pieces.
    pub(crate) fn connection(mut self, pieces: &[&'static str]) -> Self {
        self.is_tcp = true;
        self.exchange(Exchange::with_body(pieces))
    }

    pub(crate) fn requests(mut self, number: usize) -> Self {
        self.exchanges = vec![Exchange::default(); number];
        self
    }

    pub(crate) fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    pub(crate) fn otherwise(mut self, profile: Profile, seen: &[&'static str]) -> Self {
        self.otherwise.push((profile, seen.to_vec()));
        self
    }

    pub(crate) fn not_in(mut self, profile: Profile) -> Self {
        self.not_in.push(profile);
        self
    }

    /// It was concluded or remembered, and a real Envoy confirms it.
    pub(crate) fn confirmed(mut self) -> Self {
        self.origin = Origin::Confirmed;
        self
    }

    /// It was believed to be otherwise, until a real Envoy showed this.
    pub(crate) fn corrects(mut self, belief: &'static str) -> Self {
        self.origin = Origin::Corrected(belief);
        self
    }

    /// What must be seen in a profile; `None` when the rule means nothing there.
    pub(crate) fn expected(&self, profile: Profile) -> Option<&[&'static str]> {
        if self.not_in.contains(&profile) {
            return None;
        }
        let otherwise = self.otherwise.iter().find(|(known, _)| *known == profile);
        Some(otherwise.map_or(&self.seen, |(_, seen)| seen))
    }

    pub(crate) fn compare(&self, profile: Profile, seen: &[String]) -> Result<(), String> {
        let Some(expected) = self.expected(profile) else {
            return Ok(());
        };
        if expected == seen {
            return Ok(());
        }
        Err(format!("\n  expected {expected:?}\n  but saw  {seen:?}"))
    }
}

impl Exchange {
    pub(crate) fn with_body(pieces: &[&'static str]) -> Self {
        Self {
            body: pieces.to_vec(),
            ..Self::default()
        }
    }

    pub(crate) fn answered(pieces: &[&'static str]) -> Self {
        Self {
            answer: Message {
                body: pieces.to_vec(),
                ..Message::default()
            },
            ..Self::default()
        }
    }
}
