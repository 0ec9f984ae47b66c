//! Differences, told so that they can be repeated: the smallest request and the policies that show one.

use std::fmt;
use std::path::Path;

use crate::Case;
use crate::comparison::{self, Answer};
use crate::gateway::{Gateway, Place};
use crate::policies::PolicySet;
use crate::release::Release;
use crate::requests::Request;
use crate::session::Session;

/// How many differences are told in full.
const TOLD: usize = 5;

/// A request to which the two sides answered differently.
pub(crate) struct Difference {
    what: &'static str,
    request: Request,
    native: Answer,
    ours: Answer,
}

impl Difference {
    pub(crate) fn new(what: &'static str, request: Request, native: Answer, ours: Answer) -> Self {
        Self {
            what,
            request,
            native,
            ours,
        }
    }

    fn of(session: &mut Session<'_>, request: Request) -> Option<Self> {
        let [native, ours] = session.answers(std::slice::from_ref(&request)).pop()?;
        let what = comparison::difference(&native, &ours)?;
        Some(Self::new(what, request, native, ours))
    }

    /// The same difference with as little in the request as shows it.
    fn reduced(mut self, session: &mut Session<'_>) -> Self {
        while let Some(simpler) = self
            .request
            .simpler()
            .into_iter()
            .find_map(|request| Self::of(session, request).filter(|simpler| simpler.what == self.what))
        {
            self = simpler;
        }
        self
    }
}

pub(crate) struct Reporter<'a> {
    release: &'a Release,
    module: &'a Path,
    seed: u64,
    differences: usize,
    /// Differences that an older Envoy has with texts that are not UTF-8.
    broken_texts: usize,
}

impl<'a> Reporter<'a> {
    pub(crate) fn new(release: &'a Release, module: &'a Path, seed: u64) -> Self {
        Self {
            release,
            module,
            seed,
            differences: 0,
            broken_texts: 0,
        }
    }

    pub(crate) fn report(&mut self, case: &Case, place: &Place, session: &mut Session<'_>, difference: Difference) {
        if !self.release.matches_any_bytes() && difference.request.has_broken_text() {
            self.broken_texts += 1;
            return;
        }
        self.differences += 1;
        if self.differences > TOLD {
            return;
        }
        let difference = difference.reduced(session);
        let caller = &case.callers[difference.request.caller];
        println!("==== set {}, {}: {}", case.number, self.release, difference.what);
        println!(
            "{}",
            self.guilty_manifest(case, &difference.request)
                .unwrap_or_else(|| case.set.manifest())
        );
        println!(
            "{:?}\nport {}, {caller:?}\n{}",
            case.set.mesh, place.port, difference.request
        );
        println!("---- native\n{}---- ours\n{}", difference.native, difference.ours);
        println!("==== OUTGATE_SEED={}", self.seed);
    }

    /// The one rule that makes the difference, if one does.
    fn guilty_manifest(&self, case: &Case, request: &Request) -> Option<String> {
        let place = Place::find();
        let alone = case.set.apart();
        let gateway = Gateway::start(self.release, self.module, &place, &alone.iter().collect::<Vec<_>>());
        let differs = |index: usize| {
            let mut session = Session::new(&gateway, index, &case.callers);
            Difference::of(&mut session, request.clone()).is_some()
        };
        let guilty = (0..alone.len()).find(|&index| differs(index));
        guilty.map(|index| PolicySet::manifest(&alone[index]))
    }

    pub(crate) fn assert_none(&self) {
        assert_eq!(
            self.differences, 0,
            "requests were answered differently; OUTGATE_SEED={}",
            self.seed
        );
    }
}

impl fmt::Display for Reporter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.broken_texts > 0 {
            writeln!(
                f,
                "SKIPPED: {} differences with texts that are not UTF-8, which expressions of {} do not match",
                self.broken_texts, self.release
            )?;
        }
        write!(f, "{} differences", self.differences)
    }
}
