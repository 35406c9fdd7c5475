//! Lists and summaries of transactions: filtered, ordered, paged, as they are and as they were.

use serde_json::{Value, json};
use spendlog_e2e::{Answer, Person, TestApp};

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().filter_map(|row| row["id"].as_str()).collect()
}

/// Three months of somebody's life.
struct Life {
    person: Person,
    wallet: String,
    bank: String,
    food: String,
    last: i64,
}

impl Life {
    async fn live(app: &TestApp) -> Self {
        let person = app.person().await;
        let (wallet, bank) = (
            person.account("Wallet", "EUR").await,
            person.account("Bank", "EUR").await,
        );
        let food = person.category("Groceries").await;
        let salary = person.category("Salary").await;
        let all = [
            (
                &wallet,
                "-5.00",
                "2026-07-03",
                Some(&food),
                "Baker Street Bakery",
                "rolls",
            ),
            (&wallet, "-20.00", "2026-07-31", None, "Cinema", "100% fun_times"),
            (&bank, "2150.00", "2026-07-31", Some(&salary), "Halcyon Workshop", ""),
            (
                &bank,
                "-61.20",
                "2026-08-01",
                Some(&food),
                "Corner Leaf Market",
                "for the party",
            ),
            (&bank, "-9.99", "2026-08-14", None, "Bücherei Süd", ""),
            (
                &wallet,
                "-7.50",
                "2026-09-01",
                Some(&food),
                "baker street bakery",
                "cake",
            ),
        ];
        let mut last = 0;
        for (account, amount, day, category, merchant, note) in all {
            let mut body = json!({"account": account, "amount": amount, "booked_on": day, "merchant": merchant});
            if let Some(category) = category {
                body["category"] = json!(category);
            }
            if !note.is_empty() {
                body["note"] = json!(note);
            }
            last = person.post("/finance/transactions", body).await.expect(201).position();
        }
        Self {
            person,
            wallet,
            bank,
            food,
            last,
        }
    }

    async fn amounts(&self, query: &str) -> Vec<String> {
        let rows = self
            .person
            .all(&format!("/finance/transactions?limit=2&{query}"), self.last)
            .await;
        rows.iter()
            .filter_map(|row| row["amount"].as_str().map(str::to_owned))
            .collect()
    }
}

#[tokio::test]
async fn lists_are_filtered_ordered_and_paged() {
    let app = TestApp::start().await;
    let life = Life::live(&app).await;
    let Life { wallet, bank, food, .. } = &life;
    let all = ["-7.50", "-9.99", "-61.20", "2150.00", "-20.00", "-5.00"];
    let newest = life.amounts("").await;
    assert_eq!(newest.len(), 6);
    assert_eq!(
        (&newest[..3], &newest[5]),
        (&all.map(str::to_owned)[..3], &"-5.00".to_owned()),
        "latest first"
    );
    for (query, expected) in [
        ("order=booked_on&to=2026-07-31&amount_max=0", vec!["-5.00", "-20.00"]),
        ("from=2026-08-01&to=2026-08-31", vec!["-9.99", "-61.20"]),
        ("amount_min=-10.00&amount_max=-5.00", vec!["-7.50", "-9.99", "-5.00"]),
        ("amount_min=0", vec!["2150.00"]),
        (&format!("account={wallet}"), vec!["-7.50", "-20.00", "-5.00"]),
        (&format!("account={bank}&from=2026-08-01"), vec!["-9.99", "-61.20"]),
        (&format!("category={food}"), vec!["-7.50", "-61.20", "-5.00"]),
        (&format!("category={food}&account={wallet}"), vec!["-7.50", "-5.00"]),
        ("text=BAKERY", vec!["-7.50", "-5.00"]),
        ("text=party", vec!["-61.20"]),
        ("text=b%C3%BCcherei", vec!["-9.99"]),
        ("text=100%25", vec!["-20.00"]),
        ("text=fun_t", vec!["-20.00"]),
        ("text=_un", vec![]),
        (
            "order=-amount",
            vec!["2150.00", "-5.00", "-7.50", "-9.99", "-20.00", "-61.20"],
        ),
        ("order=amount&amount_max=-9.99", vec!["-61.20", "-20.00", "-9.99"]),
        ("status=voided", vec![]),
    ] {
        assert_eq!(life.amounts(query).await, expected, "{query}");
    }
    app.finish().await;
}

#[tokio::test]
async fn pages_hold_while_others_write() {
    let app = TestApp::start().await;
    let life = Life::live(&app).await;
    let first = life
        .person
        .get_at("/finance/transactions?limit=3", life.last)
        .await
        .expect(200);
    // Somebody records one that belongs before, and one that belongs after the end of the page.
    life.person.spend(&life.wallet, "-100.00", "2026-09-30", "New").await;
    let last = life
        .person
        .spend(&life.wallet, "-101.00", "2026-07-01", "Old")
        .await
        .position();
    let second = format!("/finance/transactions?limit=3&after={}", first.text("next"));
    let second = life.person.get_at(&second, last).await.expect(200);
    let third = format!("/finance/transactions?limit=3&after={}", second.text("next"));
    let third = life.person.get_at(&third, last).await.expect(200);
    let rows = |answer: &Answer| answer.body["data"].as_array().expect("rows").clone();
    let (first, second, third) = (rows(&first), rows(&second), rows(&third));
    let seen: Vec<&str> = [&first, &second, &third]
        .into_iter()
        .flat_map(|page| ids(page))
        .collect();
    assert_eq!(
        seen.len(),
        7,
        "each of the old ones once, and the new one that comes later"
    );
    assert_eq!(seen.iter().collect::<std::collections::BTreeSet<_>>().len(), 7);
    assert_eq!(third[0]["amount"], "-101.00");
    app.finish().await;
}

#[tokio::test]
async fn summaries_say_what_was_spent_and_earned() {
    let app = TestApp::start().await;
    let life = Life::live(&app).await;
    let summary = async |query: &str| {
        let answer = life
            .person
            .get_at(&format!("/finance/summary?{query}"), life.last)
            .await
            .expect(200);
        answer.body["lines"].as_array().expect("lines").clone()
    };
    let months = summary("by=month").await;
    let line = |line: &Value| {
        json!([
            line["month"],
            line["currency"],
            line["income"],
            line["expense"],
            line["total"],
            line["count"]
        ])
    };
    assert_eq!(
        months.iter().map(line).collect::<Vec<_>>(),
        [
            json!(["2026-07", "EUR", "2150.00", "-25.00", "2125.00", 3]),
            json!(["2026-08", "EUR", "0.00", "-71.19", "-71.19", 2]),
            json!(["2026-09", "EUR", "0.00", "-7.50", "-7.50", 1]),
        ]
    );
    let food = summary("by=category").await;
    let food = food
        .iter()
        .find(|line| line["category"] == life.food.as_str())
        .expect("a line of groceries")
        .clone();
    assert_eq!((&food["expense"], &food["count"]), (&json!("-73.70"), &json!(3)));
    let part = summary("by=month&from=2026-07-04&to=2026-07-31").await;
    assert_eq!(
        (&part[0]["expense"], part.len()),
        (&json!("-20.00"), 1),
        "part of a month"
    );
    let wallet = summary(&format!("by=month&account={}", life.wallet)).await;
    assert_eq!(wallet[0]["expense"], "-25.00");
    assert_eq!(wallet.len(), 2);
    app.finish().await;
}

#[tokio::test]
async fn lists_and_sums_are_known_as_they_were() {
    let app = TestApp::start().await;
    let life = Life::live(&app).await;
    let person = &life.person;
    let rows = person.all("/finance/transactions", life.last).await;
    let first = format!("/finance/transactions/{}", rows[0]["id"].as_str().expect("an id"));
    person.post(&format!("{first}/void"), json!({})).await.expect(200);
    person.spend(&life.bank, "-1000.00", "2026-07-15", "Late").await;
    let second = format!("/finance/transactions/{}", rows[1]["id"].as_str().expect("an id"));
    let now = person
        .patch(&second, json!({"amount": "-19.99", "booked_on": "2026-09-02"}))
        .await
        .expect(200)
        .position();
    assert_eq!(
        person
            .all(&format!("/finance/transactions?at={}", life.last), now)
            .await,
        rows,
        "the list as it was"
    );
    assert_eq!(
        person
            .get_at(&format!("{second}?at={}", life.last), now)
            .await
            .expect(200)
            .body,
        rows[1]
    );
    let then = person
        .get_at(&format!("/finance/summary?by=month&at={}", life.last), now)
        .await
        .expect(200);
    assert_eq!(then.body["lines"][0]["expense"], "-25.00");
    let today = person.get_at("/finance/summary?by=month", now).await.expect(200);
    assert_eq!(today.body["lines"][0]["expense"], "-1025.00");
    // A time is as good as a position.
    let time = rows[0]["recorded_at"].as_str().expect("a time").replace('+', "%2B");
    let at_time = person.all(&format!("/finance/transactions?at={time}"), now).await;
    assert_eq!(
        ids(&at_time),
        ids(&rows),
        "as of the moment in which the last was recorded"
    );
    app.finish().await;
}
