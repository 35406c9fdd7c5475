//! Lists: pages make up the whole, filters find what they say, others' books stay closed.

use spendlog_domain::{transactions::Target, values::Text};

use super::{History, project, projections, writer};
use crate::{
    At, Projections, books, replay,
    transactions::{self, Filter, Order, Sort, Transaction, scaled},
    users,
};

async fn listed(
    projections: &Projections,
    history: &History,
    filter: &Filter,
    at: At,
    limit: usize,
) -> Vec<Transaction> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = transactions::list(projections.reader(), history.books[0], filter, at, after, limit)
            .await
            .unwrap();
        assert!(page.bodies.len() <= limit);
        found.extend(
            page.bodies
                .iter()
                .map(|body| serde_json::from_str::<Transaction>(body).unwrap()),
        );
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

fn holds(filter: &Filter, t: &Transaction) -> bool {
    let amount = scaled(t.simple().unwrap().1);
    let has = |id| {
        t.postings.iter().any(|p| match p.target {
            Target::Account(account) => account.uuid() == id,
            Target::Category(category) => category.uuid() == id,
        })
    };
    let texts =
        [&t.merchant, &t.note].map(|text| text.as_ref().and_then(Text::clear).unwrap_or_default().to_lowercase());
    filter.from.is_none_or(|from| t.booked_on >= from)
        && filter.to.is_none_or(|to| t.booked_on <= to)
        && filter.amount_min.is_none_or(|least| amount >= least)
        && filter.amount_max.is_none_or(|most| amount <= most)
        && filter.account.is_none_or(has)
        && filter.category.is_none_or(has)
        && filter
            .text
            .as_ref()
            .is_none_or(|text| texts.iter().any(|t| t.contains(&text.to_lowercase())))
        && filter.voided.is_none_or(|voided| t.voided.is_some() == voided)
}

#[tokio::test]
async fn pages_make_up_the_filtered_list_in_both_orders_now_and_then() {
    let history = History::random(41, 500).await;
    project(&history, &writer(&history).await, 200).await;
    let projections = projections(&history);
    let (book, head) = (history.books[0], history.head().await);
    let mut rng = fastrand::Rng::with_seed(41);
    for round in 0..60 {
        let position = if round % 2 == 0 { head } else { rng.i64(head / 3..=head) };
        let at = if round % 4 == 0 {
            At::Now
        } else {
            At::Position(position)
        };
        let state = replay(&history.journal, &[book.uuid()], position)
            .await
            .unwrap()
            .books
            .remove(0);
        let mut some = || rng.u8(0..3) == 0;
        let day = |day| chrono::NaiveDate::from_ymd_opt(2025, 2, day);
        let filter = Filter {
            from: if some() { day(3) } else { None },
            to: if some() { day(27) } else { None },
            amount_min: some().then_some(-200_000),
            amount_max: some().then_some(300_000),
            account: some().then(|| state.accounts[0].id.uuid()),
            category: some().then(|| state.categories[1].id.uuid()),
            document: None,
            text: some().then(|| ["café", "O", "100%", "r_s", "note 1", "nothing"][round % 6].to_owned()),
            voided: if some() { Some(round % 3 == 0) } else { None },
            sort: if some() { Sort::Amount } else { Sort::BookedOn },
            order: if some() { Order::Ascending } else { Order::Descending },
        };
        let mut expected: Vec<Transaction> = state.transactions.into_iter().filter(|t| holds(&filter, t)).collect();
        match filter.sort {
            Sort::BookedOn => expected.sort_by_key(|t| (t.booked_on, t.id)),
            Sort::Amount => expected.sort_by_key(|t| (scaled(t.simple().unwrap().1), t.id)),
        }
        if filter.order == Order::Descending {
            expected.reverse();
        }
        for limit in [1 + round % 7, 100] {
            let found = listed(&projections, &history, &filter, at, limit).await;
            let ids = |list: &[Transaction]| list.iter().map(|t| t.id).collect::<Vec<_>>();
            assert_eq!(ids(&found), ids(&expected), "round {round}, {filter:?}, {at:?}");
            assert_eq!(found, expected);
        }
    }
}

#[tokio::test]
async fn a_transaction_is_found_in_its_own_book_alone() {
    let history = History::random(42, 60).await;
    project(&history, &writer(&history).await, 200).await;
    let projections = projections(&history);
    let reader = projections.reader();
    let (id, (state, version)) = history.transactions.iter().next().unwrap();
    let mine = state.book().unwrap().uuid();
    let other = history
        .books
        .iter()
        .map(|book| book.uuid())
        .find(|book| *book != mine)
        .unwrap();
    let (found, body) = transactions::one(reader, &[mine], *id, At::Now).await.unwrap().unwrap();
    assert_eq!(found, *version);
    assert_eq!(serde_json::from_str::<Transaction>(&body).unwrap().id, *id);
    assert_eq!(transactions::one(reader, &[other], *id, At::Now).await.unwrap(), None);
    assert_eq!(
        transactions::one(reader, &[mine], *id, At::Position(1)).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn users_and_their_books_are_found() {
    let history = History::random(43, 10).await;
    project(&history, &writer(&history).await, 200).await;
    let projections = projections(&history);
    let reader = projections.reader();
    let user = users::one(reader, history.user).await.unwrap().unwrap();
    assert_eq!((user.email, user.version), ("anna@example.test".into(), 1));
    assert_eq!(books::of_user(reader, history.user).await.unwrap(), history.books);
    let listed = books::list(reader, history.user, 0, 10).await.unwrap();
    assert_eq!(listed.iter().map(|book| book.id).collect::<Vec<_>>(), history.books);
    let rest = books::list(reader, history.user, listed[0].opened_position, 10)
        .await
        .unwrap();
    assert_eq!(rest, listed[1..]);
    let stranger = spendlog_domain::values::UserId::new(uuid::Uuid::from_u128(2));
    assert_eq!(books::one(reader, stranger, history.books[0]).await.unwrap(), None);
    assert_eq!(
        books::one(reader, history.user, history.books[0])
            .await
            .unwrap()
            .as_ref(),
        Some(&listed[0])
    );
}
