//! `AuthorizationPolicy`, as written and as checked. The only place that asks the policy crate to check one.

use outgate_policy::resource::AuthorizationPolicy;
use outgate_policy::{Checked, Policy, PolicyName};

use super::object::Object;
use crate::diagnostic::{Diagnostic, Diagnostics};

/// A valid policy.
#[derive(Clone, Debug)]
pub struct CheckedPolicy {
    written: AuthorizationPolicy,
    policy: Policy,
}

impl CheckedPolicy {
    /// The policy as written.
    #[must_use]
    pub const fn written(&self) -> &AuthorizationPolicy {
        &self.written
    }

    /// The policy as checked.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Its namespace and name.
    #[must_use]
    pub const fn name(&self) -> &PolicyName {
        self.policy.name()
    }
}

/// Reads and checks a policy. `None` when it is not valid; then the diagnostics say why.
pub(super) fn read(object: &Object, diagnostics: &mut Diagnostics) -> Result<Option<CheckedPolicy>, Diagnostic> {
    let name = object.name.to_string();
    let written: AuthorizationPolicy = object
        .node
        .read()
        .map_err(|error| Diagnostic::from(error).of_policy(&name))?;
    match Policy::check(written.clone()) {
        Ok(Checked { policy, warnings }) => {
            diagnostics.extend(warnings.iter().map(|warning| {
                let span = object.node.span_at(warning.path());
                Diagnostic::warning(warning.doubt().to_string())
                    .at(span, "")
                    .of_policy(&name)
                    .in_field(warning.path().clone())
            }));
            Ok(Some(CheckedPolicy { written, policy }))
        }
        Err(violations) => {
            diagnostics.extend(violations.iter().map(|violation| {
                let span = object.node.span_at(violation.path());
                Diagnostic::error(violation.problem().to_string())
                    .at(span, "")
                    .of_policy(&name)
                    .in_field(violation.path().clone())
            }));
            Ok(None)
        }
    }
}
