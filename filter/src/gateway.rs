//! The filter for one configuration: what happens to a request, from its headers to the verdict.

use std::cell::RefCell;
use std::rc::Rc;

use outgate_policy::config::{Egress, Identity, LogField, Mesh, PluginType};
use outgate_policy::{DecidedBy, Decision, Engine, Peer, RuleName, Verdict as Decided};

use crate::access_log::AccessLog;
use crate::configuration::{self, Exports, Refused};
use crate::custom_policy::{Answer, FailureMode, Installed, Policies, Question, Subject};
use crate::denial::Denial;
use crate::egress::stays_in_mesh;
use crate::ext_authz::{Authorizer, Changes, Ruling};
use crate::host::{CallNumber, Context, Host, LogLevel, Status};
use crate::json;
use crate::metrics::Metrics;
use crate::notes::Notes;
use crate::peers::{Caller, Peers};
use crate::record::Record;
use crate::stream::Stream;
use crate::trouble::Trouble;
use crate::waiting::{Answered, Progress, Waiting};

/// More questions than this about one request are not asked.
const MOST_QUESTIONS: u8 = 8;

/// Decides the requests of a gateway, or its connections.
#[derive(Debug)]
pub struct Gateway {
    plugin_type: PluginType,
    engine: Engine,
    mesh: Mesh,
    egress: Option<Egress>,
    /// In the engine's order.
    authorizers: Vec<Authorizer>,
    policies: Vec<Installed>,
    access_log: AccessLog,
    peers: RefCell<Peers>,
    metrics: Metrics,
    waiting: RefCell<Waiting>,
    notes: RefCell<Notes>,
}

/// What the proxy is to do with a request, or with a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Hand it on.
    Continue,
    /// It has been answered, or closed.
    Answered,
    /// It is held until something has been found out about it.
    Wait,
}

/// What comes after a step of a decision.
enum Step<'a> {
    /// The request has been changed, and is looked at anew.
    Again,
    /// Somebody has been asked.
    Wait(CallNumber),
    /// It is decided.
    End(Record<'a>, Option<Denial>),
}

impl Gateway {
    /// Compiles a configuration, `outgate/v1` in JSON, for a module with these custom policies and exports.
    ///
    /// # Errors
    ///
    /// When it is no such configuration, or not one that can be enforced as a whole.
    pub fn new<L: Policies>(configuration: &dyn json::Text, exports: Exports) -> Result<Self, Refused> {
        let parts = configuration::read::<L>(configuration, exports)?;
        Ok(Self {
            plugin_type: parts.settings.plugin_type,
            engine: parts.engine,
            access_log: AccessLog::new(parts.settings.access_log, parts.settings.revision),
            mesh: parts.settings.mesh,
            egress: parts.settings.egress,
            authorizers: parts.authorizers,
            policies: parts.policies,
            peers: RefCell::default(),
            metrics: Metrics::default(),
            waiting: RefCell::default(),
            notes: RefCell::default(),
        })
    }

    /// Asks the host what is the same for all requests, and tells it. Call it when the configuration is taken.
    ///
    /// # Errors
    ///
    /// When the host does not say what the configuration needs.
    pub fn set_up<H: Host>(&mut self, host: &H) -> Result<(), Refused> {
        if self.mesh.identity == Identity::Workload {
            let caller = own_workload(host, &self.mesh.trust_domain).ok_or(Refused::NoWorkload)?;
            self.peers.get_mut().all_are(caller);
        }
        self.metrics.set_up(host, self.access_log.revision());
        self.access_log.set_up(host, self.mesh.identity);
        Ok(())
    }

    /// Hands on what was counted since the last time.
    pub fn on_tick<H: Host>(&self, host: &H) {
        for policy in &self.policies {
            policy.tick(host, &self.metrics);
        }
        self.metrics.hand_on(host);
    }

    /// Leaves nothing behind at the host. Call it when the configuration has decided its last request.
    pub fn tear_down<H: Host>(&self, host: &H) {
        self.metrics.tear_down(host);
    }

    /// Decides the request that the host is in the middle of, answers it when it is not let through, and writes down what was
    /// decided.
    pub fn on_request_headers<H: Host>(&self, host: &H, context: Context) -> Verdict {
        match self.plugin_type {
            PluginType::Http => self.decide_egress(host, context),
            PluginType::Network => misplaced(host, "NETWORK", "requests"),
        }
    }

    /// Decides the connection that the host is in the middle of, closes it when it is not let through, and writes down what was
    /// decided. Call it with the first data: the client's certificate is not known before.
    pub fn on_first_data<H: Host>(&self, host: &H, context: Context) -> Verdict {
        match self.plugin_type {
            PluginType::Network => self.decide_egress(host, context),
            PluginType::Http => {
                close(host);
                misplaced(host, "HTTP", "connections")
            }
        }
    }

    /// Goes on with the request that waits for the answer to a call, if there is one. What has become of it is returned with its
    /// context.
    ///
    /// An answer without headers is none. `body` is how many bytes it has.
    pub fn on_answer<H: Host>(
        &self,
        host: &H,
        call: CallNumber,
        has_headers: bool,
        body: usize,
    ) -> Option<(Context, Verdict)> {
        let mut progress = self.waiting.borrow_mut().take(call)?;
        let context = progress.context;
        progress.answer = Some(Answered::read(host, has_headers, body));
        // The request may have been given up in the meantime.
        host.act_for(context).ok()?;
        let verdict = self.decide(host, progress);
        if verdict == Verdict::Continue
            && let Err(Status(status)) = host.continue_request()
        {
            let line = format!("the proxy does not let a request go on that was held: status {status}");
            host.log(LogLevel::Critical, &line);
        }
        Some((context, verdict))
    }

    /// Adds to a response what an authorizer wants the client to have.
    pub fn on_response_headers<H: Host>(&self, host: &H, context: Context) {
        for (name, value) in self.waiting.borrow_mut().take_lines(context) {
            if let Err(Status(status)) = host.add_response_header(&name, &value) {
                let line = format!("an authorizer's header cannot be added to a response: status {status}");
                host.log(LogLevel::Warn, &line);
            }
        }
    }

    /// Tells custom policies that a request has ended.
    pub fn on_end<H: Host>(&self, host: &H, context: Context, has_passed: bool) {
        let stream = self.stream(host);
        let subject = self.subject(host, &stream, context);
        for policy in &self.policies {
            policy.ended(subject, &self.metrics, has_passed);
        }
    }

    /// Forgets a request.
    pub fn on_delete(&self, context: Context) {
        self.waiting.borrow_mut().forget(context);
        self.notes.borrow_mut().forget(context);
    }

    fn stream<'a, H: Host>(&'a self, host: &'a H) -> Stream<'a, H> {
        Stream::new(host, self.plugin_type, &self.mesh, &self.peers)
    }

    fn subject<'a, H: Host>(&'a self, host: &'a H, stream: &'a Stream<'_, H>, context: Context) -> Subject<'a> {
        Subject {
            host,
            attributes: stream,
            context,
            notes: &self.notes,
        }
    }

    /// Decides what leaves the mesh; at a gateway, that is everything.
    fn decide_egress<H: Host>(&self, host: &H, context: Context) -> Verdict {
        match &self.egress {
            Some(egress) if stays_in_mesh(egress, host) => Verdict::Continue,
            _ => self.decide(host, Progress::of(context)),
        }
    }

    /// Takes a request from where it is to its verdict, or to where it has to wait.
    fn decide<H: Host>(&self, host: &H, mut progress: Progress) -> Verdict {
        loop {
            let stream = self.stream(host);
            match self.step(host, &stream, &mut progress) {
                Ok(Step::Again) => {}
                Ok(Step::Wait(call)) => {
                    self.waiting.borrow_mut().add(call, progress);
                    return Verdict::Wait;
                }
                Ok(Step::End(record, denial)) => return self.finish(host, &stream, &record, denial),
                Err(trouble) => {
                    host.log(LogLevel::Error, &format!("a request is denied: {trouble}"));
                    let denial = Denial::undecided(&trouble);
                    return self.finish(host, &stream, &Record::undecided(&trouble), Some(denial));
                }
            }
        }
    }

    /// In native's order: authorizers, `DENY`, `ALLOW`. Custom policies come last.
    fn step<H: Host>(&self, host: &H, stream: &Stream<'_, H>, progress: &mut Progress) -> Result<Step<'_>, Trouble> {
        if let Some(how) = self.mesh.on_ambiguous
            && let Some(ambiguity) = stream.ambiguity()?
        {
            let record = Record::denied(DecidedBy::Ambiguity, ambiguity.rule());
            return Ok(Step::End(record, Some(Denial::ambiguous(ambiguity, how))));
        }
        if let Some(step) = self.ask_authorizers(host, stream, progress)? {
            return Ok(step);
        }
        let decision = self.engine.decide(stream)?;
        let literal = self.literal(stream, &decision);
        let mut step = self.ask_policies(host, stream, progress, decision)?;
        if let Step::End(record, _) = &mut step {
            record.literal = literal;
        }
        Ok(step)
    }

    fn ask_authorizers<H: Host>(
        &self,
        host: &H,
        stream: &Stream<'_, H>,
        progress: &mut Progress,
    ) -> Result<Option<Step<'_>>, Trouble> {
        if progress.authorizer < self.authorizers.len() && !self.engine.is_registered(stream)? {
            progress.authorizer = self.authorizers.len();
        }
        while let Some(authorizer) = self.authorizers.get(progress.authorizer) {
            let Some(rule) = self.engine.asks(progress.authorizer, stream)? else {
                progress.authorizer += 1;
                continue;
            };
            let ruling = match progress.answer.take() {
                Some(Answered::Response(response)) => authorizer.ruling(&response.headers, response.body),
                Some(Answered::Nothing) => authorizer.failure(),
                None => match host.call(&authorizer.question(stream.sent()?)) {
                    Ok(call) => return Ok(Some(Step::Wait(call))),
                    Err(_) => authorizer.failure(),
                },
            };
            progress.authorizer += 1;
            match ruling {
                Ruling::Allowed(changes) => {
                    if self.apply(host, progress.context, changes)? {
                        return Ok(Some(Step::Again));
                    }
                }
                Ruling::Denied(denial) => {
                    let record = Record::denied(DecidedBy::Custom, rule.as_str());
                    return Ok(Some(Step::End(record, Some(denial))));
                }
                Ruling::Failed(denial) => {
                    let trouble = Trouble::no_answer("authorizer", authorizer.cluster());
                    self.metrics.count_failed_call(host, authorizer.cluster());
                    if denial.is_some() {
                        host.log(LogLevel::Error, &format!("a request is denied: {trouble}"));
                        return Ok(Some(Step::End(Record::undecided(&trouble), denial)));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Whether the request is another one now.
    fn apply<H: Host>(&self, host: &H, context: Context, changes: Changes) -> Result<bool, Trouble> {
        let is_changed = !changes.set.is_empty() || !changes.remove.is_empty();
        let refused = |Status(_)| Trouble::Undecided {
            who: "authorizer",
            cause: "has headers changed that the proxy does not change".into(),
        };
        for (name, value) in &changes.set {
            host.set_request_header(name, value).map_err(refused)?;
        }
        for name in &changes.remove {
            host.remove_request_header(name).map_err(refused)?;
        }
        if !changes.to_client.is_empty() {
            self.waiting.borrow_mut().add_lines(context, changes.to_client);
        }
        Ok(is_changed)
    }

    /// The decision on the request as it is spelled, where that is another one, and told.
    fn literal<'a, H: Host>(
        &'a self,
        stream: &Stream<'_, H>,
        decision: &Decision<'a>,
    ) -> Option<(Decided, Option<&'a RuleName>)> {
        let decide = |stream: &Stream<'_, H>| {
            let is_told = self.access_log.shows(LogField::Literal);
            is_told.then(|| self.engine.decide(stream)).and_then(Result::ok)
        };
        let literal = stream.literally(decide)??;
        let is_other = (literal.verdict, literal.rule) != (decision.verdict, decision.rule);
        is_other.then_some((literal.verdict, literal.rule))
    }

    fn ask_policies<'a, H: Host>(
        &'a self,
        host: &H,
        stream: &Stream<'_, H>,
        progress: &mut Progress,
        mut decision: Decision<'a>,
    ) -> Result<Step<'a>, Trouble> {
        if let Some(policy) = progress.let_through_by {
            let_through(&mut decision, self.policies.get(policy));
        }
        while let Some(policy) = self.policies.get(progress.policy) {
            let is_stopped = decision.verdict != Decided::Allow && !is_denied_by_default(&decision);
            let subject = self.subject(host, stream, progress.context);
            let answer = match self.ask_policy(policy, subject, progress, &decision) {
                // The request is stopped by something else, which is what the log is to show.
                Err(trouble) if is_stopped => {
                    host.log(LogLevel::Warn, &format!("{}: {trouble}", policy.name()));
                    Answer::Abstain
                }
                answer => answer?,
            };
            match answer {
                Answer::Deny(deny) if !is_stopped => {
                    let rule = deny.rule(&policy.rule);
                    let denial = deny.into_denial(&rule);
                    let mut record = Record::denied(DecidedBy::Extension, rule);
                    record.shadow = decision.shadow;
                    return Ok(Step::End(record, Some(denial)));
                }
                Answer::Ask(question) if !is_stopped => {
                    if let Some(step) = self.ask(host, policy, progress, question)? {
                        return Ok(step);
                    }
                }
                Answer::Allow if is_denied_by_default(&decision) => {
                    progress.let_through_by = Some(progress.policy);
                    let_through(&mut decision, Some(policy));
                }
                Answer::Allow | Answer::Abstain | Answer::Deny(_) | Answer::Ask(_) => {}
            }
            progress.policy += 1;
            progress.questions = 0;
        }
        Ok(Step::End(Record::of(&decision), Denial::of(&decision)))
    }

    /// What a custom policy answers, or answers when a service has answered it.
    fn ask_policy(
        &self,
        policy: &Installed,
        subject: Subject<'_>,
        progress: &mut Progress,
        decision: &Decision<'_>,
    ) -> Result<Answer, Trouble> {
        match (progress.answer.take(), progress.question.take()) {
            (Some(Answered::Response(response)), Some(_)) if !response.is_of_proxy() => {
                policy.check(subject, &self.metrics, decision, Some(&response))
            }
            (Some(_), Some((cluster, on_failure))) => {
                self.metrics.count_failed_call(subject.host, &cluster);
                unanswered(policy, &cluster, on_failure)
            }
            _ => policy.check(subject, &self.metrics, decision, None),
        }
    }

    /// Asks a service for a custom policy. `None` when it cannot be asked, and the policy does without.
    fn ask<H: Host>(
        &self,
        host: &H,
        policy: &Installed,
        progress: &mut Progress,
        question: Question,
    ) -> Result<Option<Step<'_>>, Trouble> {
        if progress.questions == MOST_QUESTIONS {
            return Err(Trouble::Undecided {
                who: policy.name(),
                cause: "asks again and again".into(),
            });
        }
        let (cluster, on_failure) = (question.cluster.clone(), question.on_failure);
        match host.call(&question.into_call()) {
            Ok(call) => {
                progress.questions += 1;
                progress.question = Some((cluster, on_failure));
                Ok(Some(Step::Wait(call)))
            }
            Err(_) => {
                self.metrics.count_failed_call(host, &cluster);
                unanswered(policy, &cluster, on_failure).map(|_abstains| None)
            }
        }
    }

    fn finish<H: Host>(
        &self,
        host: &H,
        stream: &Stream<'_, H>,
        record: &Record<'_>,
        denial: Option<Denial>,
    ) -> Verdict {
        self.metrics.count(host, record);
        self.access_log.write(host, stream, record);
        let Some(denial) = denial else {
            return Verdict::Continue;
        };
        match self.plugin_type {
            PluginType::Network => close(host),
            PluginType::Http => {
                if host.send_local_reply(&denial.reply()).is_err() {
                    host.log(
                        LogLevel::Critical,
                        "the proxy does not take the reply to a denied request; it is held",
                    );
                }
            }
        }
        // Whatever became of the reply, the request does not go on.
        Verdict::Answered
    }
}

/// No `ALLOW` policy lets the request through, and nothing else stops it.
fn is_denied_by_default(decision: &Decision<'_>) -> bool {
    decision.verdict == Decided::Deny && decision.decided_by == DecidedBy::Allow && decision.rule.is_none()
}

fn let_through<'a>(decision: &mut Decision<'a>, policy: Option<&'a Installed>) {
    decision.verdict = Decided::Allow;
    decision.decided_by = DecidedBy::Extension;
    decision.rule = policy.map(|policy| &policy.rule);
}

/// What a custom policy answers that gets no answer itself.
fn unanswered(policy: &Installed, cluster: &str, on_failure: FailureMode) -> Result<Answer, Trouble> {
    match on_failure {
        FailureMode::Open => Ok(Answer::Abstain),
        FailureMode::Closed => Err(Trouble::no_answer(policy.name(), cluster)),
    }
}

/// The workload that a proxy stands beside, as the node tells it that the proxy has been started for.
fn own_workload<H: Host>(host: &H, trust_domain: &str) -> Option<Rc<Caller>> {
    let metadata = |name: &[u8]| {
        let path = [b"xds\0node\0metadata\0", name].concat();
        let value = host.property(&path).ok()??;
        String::from_utf8(value).ok()
    };
    let (namespace, account) = (metadata(b"NAMESPACE")?, metadata(b"SERVICE_ACCOUNT")?);
    let principal = [trust_domain, "/ns/", &namespace, "/sa/", &account].concat();
    Some(Caller::new(Some(Peer::workload(&principal))))
}

fn misplaced<H: Host>(host: &H, plugin_type: &str, what: &str) -> Verdict {
    let line = format!("this is a plugin of type {plugin_type}, and the proxy gives it {what}: all are denied");
    host.log(LogLevel::Critical, &line);
    Verdict::Answered
}

fn close<H: Host>(host: &H) {
    if let Err(Status(status)) = host.close_connection() {
        let line = format!("the proxy does not close a denied connection; its data is held: status {status}");
        host.log(LogLevel::Critical, &line);
    }
}
