//! Heads and proofs, made of what is stored.
//!
//! A proof takes a logarithmic number of nodes, and finds each without going through the leaves below it: every commit's
//! row has the roots of the perfect subtrees that its tree is made of. The left neighbours of a node's end are in the newest
//! commit before that end; what is missing are the leaves between the two, which are within one commit. So a proof costs
//! two look-ups by primary key for each node, and hashes as many leaves as a commit has at most.

use futures_util::TryStreamExt as _;

use super::{
    Against, Audit, ConsistencyProof, EventProof, HEAD_KEY, SignedHead, StoredEvent,
    commit::{COMMIT, Commit},
};
use crate::{
    DatabaseError, ReadError, head,
    merkle::{self, Hash, Span, Tree},
    rows::{self, COLUMNS},
};

/// The newest two trees up to each of these sizes.
const TREES: &str = "SELECT c.size, c.frontier, k.number FROM unnest($1::bigint[]) WITH ORDINALITY k (until, number)
    CROSS JOIN LATERAL (SELECT size, frontier FROM es.commits WHERE size <= k.until ORDER BY size DESC LIMIT 2) c
    ORDER BY k.number, c.size DESC";

const DAMAGED: ReadError = ReadError::Database(DatabaseError::Damaged("its events don't have the root of its head"));

impl Audit {
    /// The head of this size, or the newest one, signed; `None` if no commit ended there. That the tree has the root is checked.
    pub async fn head(&self, size: Option<i64>) -> Result<Option<SignedHead>, ReadError> {
        let Some(commit) = self.commit(size).await? else {
            return Ok(None);
        };
        let tree = commit.tree().ok_or(DAMAGED)?;
        let seed = self.keyring.secret(HEAD_KEY).await?;
        let recorded_at = head::time(commit.recorded_at);
        Ok(Some(SignedHead::sign(&seed, commit.size, tree.root(), recorded_at)?))
    }

    /// The commit of this size, or the newest one.
    pub(super) async fn commit(&self, size: Option<i64>) -> Result<Option<Commit>, ReadError> {
        let sql =
            format!("SELECT {COMMIT} FROM es.commits WHERE size = coalesce($1, (SELECT max(size) FROM es.commits))");
        let row = sqlx::query(&sql)
            .bind(size)
            .fetch_optional(self.database.pool())
            .await?;
        row.as_ref().map(Commit::of).transpose()
    }

    /// The event at this position, as it is stored.
    pub async fn event(&self, position: i64) -> Result<Option<StoredEvent>, ReadError> {
        let sql = format!("SELECT {COLUMNS} FROM es.events e WHERE e.position = $1");
        let row = sqlx::query(&sql)
            .bind(position)
            .fetch_optional(self.database.pool())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let row = self.archive.complete(row).await?;
        Ok(Some(StoredEvent::of(&row.entry()?)))
    }

    /// The proof that the event is in the journal that the head is of. A proof that would not hold is an error.
    pub async fn prove(&self, event: StoredEvent, head: SignedHead) -> Result<EventProof, ReadError> {
        let spans = merkle::inclusion(event.position - 1, head.size);
        let path = self.nodes(&spans).await?;
        let proof = EventProof { event, path, head };
        proof.check().map_err(|_| ReadError::Damaged {
            position: proof.event.position,
        })?;
        Ok(proof)
    }

    /// The proof that the journal that the head is of begins with the tree of size `from`, which must not be larger.
    pub async fn extend(&self, from: i64, head: SignedHead) -> Result<ConsistencyProof, ReadError> {
        let path = self.nodes(&merkle::consistency(from, head.size)).await?;
        Ok(ConsistencyProof { from, path, head })
    }

    /// Whether the journal still begins with what a head of ours is of.
    pub async fn check_against(&self, old: &SignedHead) -> Result<Result<(), Against>, ReadError> {
        if old.check().is_err() {
            return Ok(Err(Against::Signature));
        }
        let Some(head) = self.head(None).await? else {
            return Ok(Err(Against::Shorter { size: 0 }));
        };
        if head.public_key != old.public_key {
            return Ok(Err(Against::OtherKey));
        }
        if head.size < old.size {
            return Ok(Err(Against::Shorter { size: head.size }));
        }
        let proof = self.extend(old.size, head).await?;
        Ok(proof.check(old.root).map_err(|_| Against::Rewritten))
    }

    /// The roots over these leaves. Each is a node of a tree that a proof is for.
    async fn nodes(&self, spans: &[Span]) -> Result<Vec<Hash>, ReadError> {
        let ends: Vec<i64> = spans.iter().map(|span| span.end).collect();
        let stored: Vec<(i64, Vec<u8>, i64)> = sqlx::query_as(TREES)
            .bind(&ends)
            .fetch_all(self.database.pool())
            .await?;
        let mut nodes = Vec::with_capacity(spans.len());
        for (span, number) in spans.iter().zip(1..) {
            let mut tree = Tree::default();
            for (size, frontier, _) in stored
                .iter()
                .filter(|(size, _, of)| *of == number && *size > span.start)
            {
                let whole = Tree::load(*size, frontier).ok_or(DAMAGED)?;
                // Of a tree that ends with the node, a node on the right is a part of what is above it.
                if let Some(tail) = whole.tail(span.start) {
                    tree = tail;
                    break;
                }
            }
            self.grow(&mut tree, span).await?;
            nodes.push(tree.root());
        }
        Ok(nodes)
    }

    /// Adds to a tree that begins where the span does the leaves that are missing up to the span's end.
    async fn grow(&self, tree: &mut Tree, span: &Span) -> Result<(), ReadError> {
        if tree.size() < span.end - span.start {
            let sql = format!(
                "SELECT {COLUMNS} FROM es.events e WHERE e.position > $1 AND e.position <= $2 ORDER BY e.position"
            );
            let statement = sqlx::query(&sql).bind(span.start + tree.size()).bind(span.end);
            let (mut rows, mut buffer) = (statement.fetch(self.database.pool()), Vec::new());
            while let Some(row) = rows.try_next().await? {
                tree.push(match rows::kept_leaf(&row)? {
                    Some(leaf) => leaf,
                    None => rows::entry(&row, None)?.leaf(&mut buffer),
                });
            }
        }
        if tree.size() == span.end - span.start {
            Ok(())
        } else {
            Err(DAMAGED)
        }
    }
}
