//! Who may see what, as of when: the caller's books, the position that an answer must have seen, the past that is meant.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use actix_web::HttpRequest;
use chrono::DateTime;
use spendlog_domain::values::{BookId, Date, UserId, is_bookable};
use spendlog_event_store::{ArchiveError, ReadError};
use spendlog_projections::{At, Behind, Group, ProjectionError, books};
use spendlog_web::{Caller, Code, Problem, position};
use uuid::Uuid;

use crate::ReadApi;

/// How long a read waits for its projection.
pub(crate) const WAIT: Duration = Duration::from_secs(2);
/// How long it is remembered which books a user may see. A book that is not among them is always looked up.
const REMEMBERED: Duration = Duration::from_secs(2);
/// Users remembered at the same time.
const USERS_MAX: usize = 10_000;

/// A user's books, and since when they are known.
type Known = (Instant, Arc<Vec<BookId>>);

/// The books of the users that asked last.
#[derive(Debug, Default)]
pub(crate) struct KnownBooks(Mutex<HashMap<UserId, Known>>);

impl KnownBooks {
    fn get(&self, user: UserId) -> Option<Arc<Vec<BookId>>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(&user)
            .filter(|(since, _)| since.elapsed() < REMEMBERED)
            .map(|(_, books)| Arc::clone(books))
    }

    fn put(&self, user: UserId, books: Arc<Vec<BookId>>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= USERS_MAX {
            known.retain(|_, (since, _)| since.elapsed() < REMEMBERED);
        }
        if known.len() < USERS_MAX {
            known.insert(user, (Instant::now(), books));
        }
    }
}

/// The user who calls.
pub(crate) fn user(caller: Caller) -> UserId {
    UserId::new(caller.user)
}

/// A failed projection or query, as the client hears of it.
pub(crate) fn failed(error: ProjectionError) -> Problem {
    match error {
        ProjectionError::Unreachable(_) => Problem::unavailable(error),
        ProjectionError::Busy { .. } => Problem::new(Code::ProjectionBusy, error.to_string()),
        ProjectionError::InUse(_) => Problem::new(Code::Busy, error.to_string()),
        error if error.is_broken_off() => Problem::new(
            Code::Busy,
            "the query takes too long; narrow it by days, or by a longer text",
        )
        .retry_after(5),
        ProjectionError::Statement(ref cause) if cause.is_closed() || cause.as_db_error().is_none() => {
            Problem::unavailable(error)
        }
        error => Problem::internal(error),
    }
}

/// A failed read of the journal, as the client hears of it.
pub(crate) fn unread(error: ReadError) -> Problem {
    match error {
        error @ (ReadError::Database(_) | ReadError::Archive(ArchiveError::Unreadable { .. })) => {
            Problem::unavailable(error)
        }
        error @ (ReadError::Damaged { .. } | ReadError::Archive(_)) => Problem::internal(error),
    }
}

fn behind(behind: Behind) -> Problem {
    let Behind {
        group,
        wanted,
        reached,
        paused,
    } = behind;
    let (why, seconds) = if paused {
        let name = group.name();
        (
            format!("; the projection {name} is paused, until an admin resumes it"),
            30,
        )
    } else {
        (String::new(), 1)
    };
    let detail = format!("the read tables have come to position {reached}, not to {wanted}{why}");
    Problem::new(Code::ReadModelBehind, detail).retry_after(seconds)
}

impl ReadApi {
    /// Waits until the tables have come to the position that the request names.
    pub(crate) async fn ready(&self, request: &HttpRequest, group: Group) -> Result<(), Problem> {
        match position::wanted(request.headers())? {
            Some(wanted) => self.projections.wait(group, wanted, WAIT).await.map_err(behind),
            None => Ok(()),
        }
    }

    /// The same for what needs documents and the books that they belong to.
    pub(crate) async fn all_ready(&self, request: &HttpRequest) -> Result<(), Problem> {
        self.ready(request, Group::Ledger).await?;
        self.ready(request, Group::Documents).await
    }

    /// The newest position that is known of. Another process may have written what the caller has seen, and this one not have
    /// heard of it.
    pub(crate) fn newest(&self, request: &HttpRequest) -> Result<i64, Problem> {
        let seen = position::wanted(request.headers())?.unwrap_or(0);
        Ok(seen.max(*self.journal.head().borrow()))
    }

    /// As of when a query is meant: its tables have come so far.
    pub(crate) async fn at(&self, at: Option<&str>, group: Group) -> Result<At, Problem> {
        let Some(text) = at else {
            return Ok(At::Now);
        };
        let position = self.position(text).await?;
        match self.projections.wait(group, position, WAIT).await {
            Ok(()) => Ok(At::Position(position)),
            Err(_) if position > *self.journal.head().borrow() => Err(Problem::new(
                Code::InvalidQuery,
                "at lies beyond the end of the journal",
            )),
            Err(late) => Err(behind(late)),
        }
    }

    /// The position that a text means: itself, or the last one at a time.
    pub(crate) async fn position(&self, text: &str) -> Result<i64, Problem> {
        if let Ok(position) = text.parse::<i64>() {
            return if position >= 0 { Ok(position) } else { Err(invalid_at()) };
        }
        // A plus sign that was not encoded arrives as a blank.
        let time = DateTime::parse_from_rfc3339(&text.replace(' ', "+")).map_err(|_| invalid_at())?;
        self.journal.position_at(time.to_utc()).await.map_err(unread)
    }

    /// The books that the caller may see, the first one first.
    pub(crate) async fn books(&self, user: UserId) -> Result<Arc<Vec<BookId>>, Problem> {
        match self.known.get(user) {
            Some(books) => Ok(books),
            None => self.look_up(user).await,
        }
    }

    /// The same, as it is this moment.
    pub(crate) async fn look_up(&self, user: UserId) -> Result<Arc<Vec<BookId>>, Problem> {
        let books = Arc::new(books::of_user(self.reader(), user).await.map_err(failed)?);
        if !books.is_empty() {
            self.known.put(user, Arc::clone(&books));
        }
        Ok(books)
    }

    /// The UUIDs of the books that the caller may see.
    pub(crate) async fn book_ids(&self, user: UserId) -> Result<Vec<Uuid>, Problem> {
        Ok(self.books(user).await?.iter().map(|book| book.uuid()).collect())
    }

    /// The same, as it is this moment.
    pub(crate) async fn fresh_book_ids(&self, user: UserId) -> Result<Vec<Uuid>, Problem> {
        Ok(self.look_up(user).await?.iter().map(|book| book.uuid()).collect())
    }

    /// What a query finds in the books that the caller may see: in those remembered, else in those of this moment.
    pub(crate) async fn find<T>(
        &self,
        user: UserId,
        query: impl AsyncFn(&[Uuid]) -> Result<Option<T>, ProjectionError>,
    ) -> Result<T, Problem> {
        let books = self.book_ids(user).await?;
        if let Some(found) = query(books.as_slice()).await.map_err(failed)? {
            return Ok(found);
        }
        let books = self.fresh_book_ids(user).await?;
        let found = query(books.as_slice()).await.map_err(failed)?;
        found.ok_or_else(|| Code::NotFound.into())
    }

    /// The book that a query means: the one it names, or the caller's first.
    pub(crate) async fn book(&self, user: UserId, named: Option<&str>) -> Result<BookId, Problem> {
        let known = self.books(user).await?;
        match named {
            None => match known.first() {
                Some(first) => Ok(*first),
                // Somebody who has just signed up: the tables may not have heard of them yet.
                None => self.first_book(user).await,
            },
            Some(named) => {
                let named: BookId = named.parse().map_err(|_| Problem::from(Code::NotFound))?;
                if known.contains(&named) || self.look_up(user).await?.contains(&named) {
                    Ok(named)
                } else {
                    Err(Code::NotFound.into())
                }
            }
        }
    }

    /// Waits until all tables have come to what the journal holds this moment.
    pub(crate) async fn caught_up(&self) -> Result<(), Problem> {
        let head = *self.journal.head().borrow();
        for group in Group::ALL {
            self.projections.wait(group, head, WAIT).await.map_err(behind)?;
        }
        Ok(())
    }

    async fn first_book(&self, user: UserId) -> Result<BookId, Problem> {
        self.caught_up().await?;
        self.look_up(user)
            .await?
            .first()
            .copied()
            .ok_or_else(|| Code::NotFound.into())
    }
}

fn invalid_at() -> Problem {
    Problem::new(Code::InvalidQuery, "at must be a position or a time of RFC 3339")
}

/// An id in a query string.
pub(crate) fn query_id<I: std::str::FromStr>(name: &'static str, text: Option<&str>) -> Result<Option<I>, Problem> {
    let parsed = text.map(str::parse).transpose();
    parsed.map_err(|_| Problem::new(Code::InvalidQuery, format!("{name} must be an id of this kind")))
}

/// The days of a query, each of a year that can be booked in.
pub(crate) fn days(from: Option<Date>, to: Option<Date>) -> Result<(), Problem> {
    if from.into_iter().chain(to).all(is_bookable) {
        Ok(())
    } else {
        Err(Problem::new(
            Code::InvalidQuery,
            "from and to are days of the years 1900 to 9999",
        ))
    }
}
