//! Why something asked of a category is refused.

/// Rules of [`Category`](super::Category).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CategoryError {
    /// It was created before.
    #[error("category exists already")]
    AlreadyCreated,
    /// It was never created.
    #[error("category does not exist")]
    NotCreated,
    /// It is merged into another one: nothing can be done with it any more.
    #[error("category is merged into another one")]
    Merged,
    /// Not one line of 1 to 200 characters.
    #[error("a name is one line of 1 to 200 characters")]
    InvalidName,
    /// The category for what nobody knows yet can't be merged away.
    #[error("the uncategorised can't be merged")]
    UncategorisedStays,
    /// It can't be merged into itself.
    #[error("category can't be merged into itself")]
    IntoItself,
    /// Money spent and money earned can't be merged.
    #[error("only categories of the same kind can be merged")]
    KindMismatch,
}
