//! What is left of a rule where there is no HTTP, as Istio renders policies for TCP.
//!
//! Where a rule that allows asks for something of HTTP, nothing is left: what it would let through cannot be told. Of any other
//! rule everything else is left, so that it stops or marks more: `methods: [GET]` alone is every connection.

use std::borrow::Cow;

use crate::config::PluginType;
use crate::model::{Action, Constraint, Rule, Subject};

impl Subject {
    /// Whether only HTTP has this.
    #[must_use]
    pub const fn is_http(&self) -> bool {
        matches!(
            self,
            Self::Host | Self::Method | Self::Path | Self::Header(_) | Self::RequestPrincipal | Self::Claim(_)
        )
    }
}

impl Rule {
    /// The rule as a plugin of this type reads it; `None` when it can match nothing there.
    pub(crate) fn read_by(&self, plugin_type: PluginType, action: &Action) -> Option<Cow<'_, Self>> {
        let is_http = |constraint: &Constraint| constraint.subject().is_http();
        let all = |conjunctions: &[Vec<Constraint>]| conjunctions.iter().flatten().any(is_http);
        if plugin_type.is_http() || !(all(&self.from) || all(&self.to) || self.when.iter().any(is_http)) {
            return Some(Cow::Borrowed(self));
        }
        if *action == Action::Allow {
            return None;
        }
        let mut left = self.clone();
        for conjunction in left.from.iter_mut().chain(&mut left.to).chain([&mut left.when]) {
            conjunction.retain(|constraint| !is_http(constraint));
        }
        Some(Cow::Owned(left))
    }
}
