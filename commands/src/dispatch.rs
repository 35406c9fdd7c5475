//! The only way in which state changes: plan, append, and what to do when that fails.

use std::sync::Arc;

use cqrs_es::Aggregate as _;
use spendlog_event_store::{Append, AppendError, Journal, Loaded};
use spendlog_web::{Code, Problem};

use crate::{Context, Plan, Stateful, UseCase, Written, cache::Cache, plan::After, refusal};

/// How often a command is decided again when others were faster.
const RETRIES: u32 = 3;

/// How a command came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its events are in the journal.
    Recorded,
    /// There was nothing to do.
    Nothing,
    /// It had been done before; this is the first answer again.
    Repeated,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Nothing => "nothing",
            Self::Repeated => "repeated",
        }
    }
}

/// What came of a command.
#[derive(Debug)]
pub struct Done<A> {
    /// The main aggregate's id.
    pub id: String,
    /// Its state after the command.
    pub state: Arc<A>,
    /// Its version after the command.
    pub version: i64,
    /// Position of the command's last event; the journal's newest where there was nothing to do.
    pub position: i64,
    /// How it came out.
    pub outcome: Outcome,
    /// The streams of the main aggregate's kind that were written, in order: many, where many were asked for.
    pub streams: Vec<String>,
}

/// Plans, appends, retries, and knows what was done before.
pub struct Dispatch {
    journal: Journal,
    cache: Cache,
}

impl std::fmt::Debug for Dispatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dispatch")
    }
}

impl Dispatch {
    /// One for this journal.
    pub fn new(journal: Journal) -> Self {
        Self {
            journal,
            cache: Cache::default(),
        }
    }

    /// Does what the use case says, once.
    pub async fn run<U: UseCase>(&self, context: &Context, use_case: &U) -> Result<Done<U::Main>, Problem> {
        let done = self.attempts(context, use_case).await;
        let outcome = match &done {
            Ok(done) => done.outcome.name(),
            Err(problem) => problem.code.code(),
        };
        spendlog_web::metrics::command(use_case.name(), outcome);
        done
    }

    /// Forgets the states that it remembers.
    pub(crate) fn clear(&self) {
        self.cache.clear();
    }

    /// The newest state of an aggregate, for a decision that writes nothing. Not there: version 0.
    pub(crate) async fn newest<A: Stateful>(&self, id: impl ToString) -> Result<Arc<A>, Problem> {
        let loaded = self.journal.load_state::<A>(A::FORM, &id.to_string(), i64::MAX).await;
        Ok(Arc::new(loaded.map_err(refusal::read)?.state))
    }

    async fn attempts<U: UseCase>(&self, context: &Context, use_case: &U) -> Result<Done<U::Main>, Problem> {
        let mut fresh = false;
        let mut conflicts = 0;
        loop {
            let mut plan = Plan::new(&self.journal, &self.cache, context, fresh);
            let planned = use_case.plan(&mut plan).await;
            let Plan {
                era,
                remembered,
                streams,
                guards,
                after,
                ..
            } = plan;
            let written = match planned {
                Ok(written) if !streams.is_empty() => written,
                // A remembered state may be old: nobody is refused, nor told that there is nothing to do, on one.
                _ if remembered => {
                    fresh = true;
                    continue;
                }
                refused_or_nothing => {
                    // What was done before looks like that as well: closed already, exists already, another version.
                    if let Some(done) = self.repeated(context).await? {
                        return Ok(done);
                    }
                    return refused_or_nothing.map(|written| self.nothing(written));
                }
            };
            let kind = U::Main::TYPE;
            let ids = streams
                .iter()
                .filter(|stream| stream.stream.kind == kind)
                .map(|stream| stream.stream.id.clone());
            let ids: Vec<String> = ids.collect();
            // The states that this attempt stood on, to be forgotten if it fails.
            let stood_on: Vec<String> = streams
                .iter()
                .map(|s| s.stream.id.clone())
                .chain(guards.iter().map(|g| g.stream.id.clone()))
                .collect();
            let append = Append {
                command_id: context.command_id,
                origin: context.origin(),
                streams,
                guards,
            };
            let appended = if U::OF_FORGOTTEN {
                self.journal.append_forgetting(append).await
            } else {
                self.journal.append(append).await
            };
            match appended {
                Ok(appended) => {
                    for After { id, state, version } in after {
                        self.cache.put_any(era, &id, state, version, appended.position);
                    }
                    let Written {
                        id,
                        state,
                        version,
                        position: _,
                    } = written;
                    let position = appended.position;
                    return Ok(Done {
                        id,
                        state,
                        version,
                        position,
                        outcome: Outcome::Recorded,
                        streams: ids,
                    });
                }
                Err(AppendError::Conflict { stream, .. }) => {
                    for id in stood_on {
                        self.cache.forget(&id);
                    }
                    if let Some(done) = self.repeated(context).await? {
                        return Ok(done);
                    }
                    if context.if_match.is_some() && stream.id == written.id {
                        return Err(Code::Stale.into());
                    }
                    conflicts += 1;
                    if conflicts > RETRIES {
                        return Err(Problem::from(Code::Conflict).retry_after(1));
                    }
                    fresh = false;
                }
                Err(AppendError::Duplicate) => {
                    let done = self.repeated(context).await?;
                    return done.ok_or_else(|| Problem::internal("a command is in the journal and is not"));
                }
                Err(error) => return Err(refusal::append(error)),
            }
        }
    }

    fn nothing<A>(&self, written: Written<A>) -> Done<A> {
        let Written {
            id,
            state,
            version,
            position,
        } = written;
        // What this state stands at may be newer than what this process was told of.
        let position = position.max(*self.journal.head().borrow());
        Done {
            id,
            state,
            version,
            position,
            outcome: Outcome::Nothing,
            streams: Vec::new(),
        }
    }

    /// The first answer of a command that is in the journal, rebuilt from its events.
    async fn repeated<A: Stateful>(&self, context: &Context) -> Result<Option<Done<A>>, Problem> {
        if !context.repeatable {
            return Ok(None);
        }
        let Some(events) = self.journal.command(context.command_id).await.map_err(refusal::read)? else {
            return Ok(None);
        };
        let of_kind = || events.iter().filter(|event| event.kind == A::TYPE);
        let (Some(first), Some(last), Some(main)) = (events.first(), events.last(), of_kind().next()) else {
            return Err(Code::IdempotencyKeyReused.into());
        };
        if first.metadata.request != context.request || first.metadata.actor != context.actor.to_string() {
            return Err(Code::IdempotencyKeyReused.into());
        }
        let ends_at = of_kind()
            .filter(|event| event.stream == main.stream)
            .map(|event| event.position)
            .max();
        let until = ends_at.unwrap_or(main.position);
        let Loaded {
            state,
            version,
            position: _,
        } = self
            .journal
            .load_state(A::FORM, &main.stream, until)
            .await
            .map_err(refusal::read)?;
        let mut streams: Vec<String> = of_kind().map(|event| event.stream.clone()).collect();
        streams.dedup();
        let (id, position) = (main.stream.clone(), last.position);
        Ok(Some(Done {
            id,
            state: Arc::new(state),
            version,
            position,
            outcome: Outcome::Repeated,
            streams,
        }))
    }
}
