//! What a use case reads and wants written, collected while it decides.

use std::{any::Any, collections::HashMap, future::Future, sync::Arc};

use cqrs_es::Aggregate;
use spendlog_domain::{
    accounts::Account,
    books::Book,
    categories::Category,
    values::{AccountId, BookId, CategoryId},
};
use spendlog_event_store::{Event, Expect, Guard, Journal, Loaded, NewEvent, OwnerKeys, StreamAppend, StreamId};
use spendlog_web::{Code, Problem};
use uuid::Uuid;

use crate::{
    Context, Stateful,
    cache::{Cache, Seen},
};

/// One thing that can be asked for. It may be planned several times: after a conflict, and on fresh states before a refusal.
pub trait UseCase: Sync {
    /// What it is called in metrics: `transactions.record`.
    const NAME: &'static str;
    /// Whether it may write for owners whose keys are destroyed already.
    const OF_FORGOTTEN: bool = false;
    /// The aggregate whose state is answered with.
    type Main: Stateful;

    /// What this one is called in metrics.
    fn name(&self) -> &'static str {
        Self::NAME
    }

    /// Reads, decides and collects; returns what has become of the main aggregate.
    fn plan(&self, plan: &mut Plan<'_>) -> impl Future<Output = Result<Written<Self::Main>, Problem>> + Send;
}

/// An aggregate that is being changed.
#[derive(Debug)]
pub struct Open<A: Aggregate> {
    id: String,
    version: i64,
    position: i64,
    state: Arc<A>,
    events: Vec<A::Event>,
}

impl<A: Stateful> Open<A> {
    /// One that does not exist yet. The append fails if it does.
    pub fn absent(id: impl ToString) -> Self {
        Self {
            id: id.to_string(),
            version: 0,
            position: 0,
            state: Arc::default(),
            events: Vec::new(),
        }
    }

    /// The state, with what was decided so far.
    pub fn state(&self) -> &A {
        &self.state
    }

    /// Whether it exists in the journal.
    pub fn exists(&self) -> bool {
        self.version > 0
    }

    /// Lets it decide on a command, and applies what it decides. Whether anything happens.
    pub fn run(&mut self, command: A::Command) -> Result<bool, Problem> {
        let events = A::decide(&self.state, command).map_err(|error| A::refusal(&error))?;
        let happens = !events.is_empty();
        for event in events {
            Arc::make_mut(&mut self.state).apply(event.clone());
            self.events.push(event);
        }
        Ok(happens)
    }

    fn folded(id: String, events: &[Event]) -> Result<Self, Problem> {
        let Seen {
            state,
            version,
            position,
        } = seen(Loaded::fold(events).map_err(crate::refusal::read)?);
        Ok(Self {
            id,
            version,
            position,
            state,
            events: Vec::new(),
        })
    }
}

/// What an aggregate has become, once the plan is appended.
#[derive(Debug)]
pub struct Written<A> {
    pub(crate) id: String,
    pub(crate) state: Arc<A>,
    pub(crate) version: i64,
    pub(crate) position: i64,
}

/// A state to be remembered once its events are in the journal.
pub(crate) struct After {
    pub(crate) id: String,
    pub(crate) state: Arc<dyn Any + Send + Sync>,
    pub(crate) version: i64,
}

/// What is read and what is to be written.
pub struct Plan<'d> {
    journal: &'d Journal,
    cache: &'d Cache,
    pub(crate) era: u64,
    context: &'d Context,
    fresh: bool,
    pub(crate) remembered: bool,
    pub(crate) streams: Vec<StreamAppend>,
    pub(crate) guards: Vec<Guard>,
    pub(crate) after: Vec<After>,
}

impl<'d> Plan<'d> {
    /// An empty plan. A fresh one trusts no remembered states.
    pub(crate) fn new(journal: &'d Journal, cache: &'d Cache, context: &'d Context, fresh: bool) -> Self {
        let (streams, guards, after) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            journal,
            cache,
            era: cache.era(),
            context,
            fresh,
            remembered: false,
            streams,
            guards,
            after,
        }
    }

    /// What stands around the command.
    pub fn context(&self) -> &'d Context {
        self.context
    }

    /// The keys of a book or user.
    pub async fn keys(&self, owner: Uuid) -> Result<Arc<OwnerKeys>, Problem> {
        self.journal.keyring().owner(owner).await.map_err(crate::refusal::key)
    }

    /// An aggregate to be changed, which need not exist.
    pub async fn open_or_absent<A: Stateful>(&mut self, id: impl ToString) -> Result<Open<A>, Problem> {
        let id = id.to_string();
        let Seen {
            state,
            version,
            position,
        } = self.see(&id).await?;
        Ok(Open {
            id,
            version,
            position,
            state,
            events: Vec::new(),
        })
    }

    /// An aggregate to be changed.
    pub async fn open<A: Stateful>(&mut self, id: impl ToString) -> Result<Open<A>, Problem> {
        let open = self.open_or_absent(id).await?;
        if open.exists() {
            Ok(open)
        } else {
            Err(Code::NotFound.into())
        }
    }

    /// The aggregate that the caller means to change: it must have the version that they have seen, if they say one.
    pub async fn open_main<A: Stateful>(&mut self, id: impl ToString) -> Result<Open<A>, Problem> {
        let open = self.open(id).await?;
        self.check_version(&open)?;
        Ok(open)
    }

    /// As [`Plan::open_main`], with the book that it belongs to, guarded. Strangers are refused before the version is looked
    /// at: to them it must not matter whether there is such a thing.
    pub async fn open_main_of<A: Stateful>(
        &mut self,
        id: impl ToString,
        book: fn(&A) -> Option<BookId>,
    ) -> Result<(Open<A>, BookId), Problem> {
        let open = self.open(id).await?;
        let book = self.book_of(book(open.state())).await?;
        self.check_version(&open)?;
        Ok((open, book))
    }

    fn check_version<A: Stateful>(&self, open: &Open<A>) -> Result<(), Problem> {
        match self.context.if_match {
            Some(version) if version != open.version => Err(Code::Stale.into()),
            _ => Ok(()),
        }
    }

    /// Many aggregates to be changed, by their ids; those that don't exist are left out.
    pub async fn open_many<A: Stateful>(&mut self, ids: &[String]) -> Result<HashMap<String, Open<A>>, Problem> {
        let streams = self
            .journal
            .load_many(A::TYPE, ids)
            .await
            .map_err(crate::refusal::read)?;
        streams
            .into_iter()
            .map(|(id, events)| Ok((id.clone(), Open::folded(id, &events)?)))
            .collect()
    }

    /// The state of an aggregate that is only read: the append fails if it has moved on by then.
    pub async fn read<A: Stateful>(&mut self, id: impl ToString) -> Result<Arc<A>, Problem> {
        let id = id.to_string();
        let Seen {
            state,
            version,
            position: _,
        } = self.see::<A>(&id).await?;
        if version == 0 {
            return Err(Code::NotFound.into());
        }
        let stream = StreamId { kind: A::TYPE, id };
        if !self.guards.iter().any(|guard| guard.stream == stream) {
            self.guards.push(Guard { stream, version });
        }
        Ok(state)
    }

    /// A book that the actor may work in; guarded.
    pub async fn book(&mut self, book: BookId) -> Result<Arc<Book>, Problem> {
        let state = self.read::<Book>(book).await?;
        if !self.context.actor.may_work_in(&state) {
            Err(Code::NotFound.into())
        } else if state.is_forgotten() {
            Err(Code::OwnerForgotten.into())
        } else {
            Ok(state)
        }
    }

    /// The book of something that was found, if the actor may work in it; guarded.
    pub async fn book_of(&mut self, book: Option<BookId>) -> Result<BookId, Problem> {
        let book = book.ok_or(Code::NotFound)?;
        self.book(book).await?;
        Ok(book)
    }

    /// An account of this book, if it is open; guarded.
    pub async fn account_in(&mut self, book: BookId, account: AccountId) -> Result<Arc<Account>, Problem> {
        let state = self.read::<Account>(account).await?;
        if state.book() != Some(book) {
            return Err(Code::NotFound.into());
        }
        if state.is_open() {
            Ok(state)
        } else {
            Err(Code::AccountClosed.into())
        }
    }

    /// A category of this book, if something can be put into it; guarded.
    pub async fn category_in(&mut self, book: BookId, category: CategoryId) -> Result<Arc<Category>, Problem> {
        let state = self.read::<Category>(category).await?;
        if state.book() != Some(book) {
            return Err(Code::NotFound.into());
        }
        if state.is_open() {
            Ok(state)
        } else {
            Err(Code::CategoryMerged.into())
        }
    }

    /// The category of this book for what nobody knows yet; guarded.
    pub async fn uncategorised(&mut self, book: BookId) -> Result<CategoryId, Problem> {
        let category = crate::first_category(&*self.keys(book.uuid()).await?, "uncategorised");
        self.category_in(book, category).await?;
        Ok(category)
    }

    /// Wants written what the aggregate has decided, under its owner's key.
    pub fn write<A: Stateful>(&mut self, open: Open<A>, owner: Uuid) -> Result<Written<A>, Problem> {
        let Open {
            id,
            version,
            position,
            state,
            events,
        } = open;
        let after = version + i64::try_from(events.len()).map_err(Problem::internal)?;
        if !events.is_empty() {
            let events = events
                .iter()
                .map(NewEvent::of)
                .collect::<Result<_, _>>()
                .map_err(Problem::internal)?;
            let stream = StreamId {
                kind: A::TYPE,
                id: id.clone(),
            };
            self.guards.retain(|guard| guard.stream != stream);
            self.streams.push(StreamAppend {
                stream,
                owner,
                expect: Expect::Version(version),
                events,
            });
            if A::REMEMBERED {
                self.after.push(After {
                    id: id.clone(),
                    state: Arc::<A>::clone(&state),
                    version: after,
                });
            }
        }
        Ok(Written {
            id,
            state,
            version: after,
            position,
        })
    }

    /// The state of a stream: remembered, or from the journal.
    async fn see<A: Stateful>(&mut self, id: &str) -> Result<Seen<A>, Problem> {
        if A::REMEMBERED
            && !self.fresh
            && let Some(seen) = self.cache.get(id)
        {
            self.remembered = true;
            return Ok(seen);
        }
        let loaded = self.journal.load_state(A::FORM, id, i64::MAX).await;
        let seen: Seen<A> = seen(loaded.map_err(crate::refusal::read)?);
        if A::REMEMBERED && seen.version > 0 {
            self.cache.put(self.era, id, seen.clone());
        }
        Ok(seen)
    }
}

fn seen<A: Stateful>(loaded: Loaded<A>) -> Seen<A> {
    let Loaded {
        state,
        version,
        position,
    } = loaded;
    Seen {
        state: Arc::new(state),
        version,
        position,
    }
}
