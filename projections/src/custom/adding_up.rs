//! Reading a statement: whether it adds up, so that it can be kept up to date by what a batch of events changes.
//!
//! What is not known for certain does not. The reason is told, with the line where there is one.

use std::{collections::BTreeSet, ops::ControlFlow};

use sqlparser::{
    ast::{
        CastKind, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr,
        Ident, Join, JoinConstraint, JoinOperator, ObjectName, Query, Select, SelectItem, SetExpr, Spanned, Statement,
        TableFactor, Value, visit_expressions,
    },
    dialect::PostgreSqlDialect,
    parser::Parser,
};

use super::{
    event_views,
    incremental::{NotIncremental, Plan, Role, Source, quoted},
};

fn no<T>(why: impl Into<String>) -> Result<T, NotIncremental> {
    Err(NotIncremental {
        why: why.into(),
        line: None,
    })
}

fn no_at<T>(node: &impl Spanned, why: impl Into<String>) -> Result<T, NotIncremental> {
    let line = node.span().start.line;
    Err(NotIncremental {
        why: why.into(),
        line: (line > 0).then_some(line),
    })
}

/// The views that have old rows too, with the columns that tell one thing from another, and the tables beneath.
const VERSIONED: &[(&str, &[&str], &str)] = &[
    ("accounts", &["account_id"], "accounts"),
    ("categories", &["category_id"], "categories"),
    ("transactions", &["transaction_id"], "transactions"),
    ("postings", &["transaction_id"], "postings"),
    (
        "summary",
        &["book_id", "month", "category_id", "currency"],
        "summary_versions",
    ),
];

/// Functions whose value depends on their arguments alone.
const FUNCTIONS: &[&str] = &[
    "abs",
    "ceil",
    "ceiling",
    "coalesce",
    "concat",
    "date_part",
    "date_trunc",
    "floor",
    "greatest",
    "initcap",
    "least",
    "left",
    "length",
    "lower",
    "lpad",
    "ltrim",
    "make_date",
    "mod",
    "nullif",
    "replace",
    "right",
    "round",
    "rpad",
    "rtrim",
    "sign",
    "split_part",
    "starts_with",
    "strpos",
    "substr",
    "to_char",
    "trunc",
    "upper",
];

impl Plan {
    /// Works out how to keep this statement up to date, which Postgres has understood already. `known` are the names of all
    /// columns of all views.
    pub(crate) fn of(statement: &str, known: &BTreeSet<String>) -> Result<Self, NotIncremental> {
        let parsed = Parser::parse_sql(&PostgreSqlDialect {}, statement);
        let Ok([Statement::Query(query)]) = parsed.as_deref() else {
            return no("it is written in a way that only Postgres itself understands");
        };
        let select = plain_select(query)?;
        let mut select = select.clone();
        let mut sources = Vec::new();
        for from in &mut select.from {
            take(&mut from.relation, &mut sources)?;
            for Join {
                relation,
                join_operator,
                ..
            } in &mut from.joins
            {
                inner(join_operator)?;
                take(relation, &mut sources)?;
            }
        }
        if sources.is_empty() {
            return no("it reads no table");
        }
        let grouped = grouping(&select)?;
        let (roles, hidden) = roles(&select, grouped.as_deref(), known)?;
        check_expressions(&select)?;
        if !roles.contains(&Role::Key) || (grouped.is_none() && roles.iter().any(|role| *role != Role::Key)) {
            return no("it sums up everything in one row that is there even without any; group by something");
        }
        if grouped.is_none() {
            unique(&select, &sources)?;
        }
        // By the columns themselves, in the order in which they stand.
        let keys = (1..).zip(&roles).filter(|(_, role)| **role == Role::Key);
        let keys = keys.map(|(number, _): (usize, _)| Expr::Value(Value::Number(number.to_string(), false).into()));
        select.group_by = GroupByExpr::Expressions(keys.collect(), Vec::new());
        select.projection.extend(hidden);
        Ok(Self {
            statement: select.to_string(),
            sources,
            roles,
        })
    }
}

/// The one SELECT that a statement is, without what can't be added up.
fn plain_select(query: &Query) -> Result<&Select, NotIncremental> {
    let Query {
        with,
        body,
        order_by: _,
        limit_clause,
        fetch,
        locks,
        for_clause,
        settings,
        format_clause,
        pipe_operators,
    } = query;
    if let Some(with) = with {
        return no_at(with, "it has WITH");
    }
    if limit_clause.is_some() || fetch.is_some() {
        return no("it has LIMIT, OFFSET or FETCH: which rows these are can change by rows that are not among them");
    }
    let SetExpr::Select(select) = &**body else {
        return no("it is no single SELECT (UNION, VALUES or the like)");
    };
    if !locks.is_empty()
        || for_clause.is_some()
        || settings.is_some()
        || format_clause.is_some()
        || !pipe_operators.is_empty()
    {
        return no("it has more behind its SELECT than ORDER BY");
    }
    if select.distinct.is_some() {
        return no_at(&**select, "it has DISTINCT; group by the columns instead");
    }
    if let Some(having) = &select.having {
        return no_at(having, "it has HAVING; filter when you read instead");
    }
    if !select.named_window.is_empty() {
        return no_at(&**select, "it has WINDOW");
    }
    Ok(select)
}

fn inner(join: &JoinOperator) -> Result<(), NotIncremental> {
    let constraint = match join {
        JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) | JoinOperator::CrossJoin(constraint) => {
            constraint
        }
        JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => {
            return no("it has LEFT JOIN: a row that comes on the right takes one away; use JOIN");
        }
        _ => return no("it has a join that is neither JOIN nor CROSS JOIN"),
    };
    match constraint {
        JoinConstraint::Natural => no("it has NATURAL JOIN; name the columns by USING"),
        JoinConstraint::On(_) | JoinConstraint::Using(_) | JoinConstraint::None => Ok(()),
    }
}

/// Puts a table of our own making in the place of a view, under the same alias.
fn take(factor: &mut TableFactor, sources: &mut Vec<(String, Source)>) -> Result<(), NotIncremental> {
    let at = factor.clone();
    let TableFactor::Table {
        name,
        alias,
        args: None,
        with_ordinality: false,
        sample: None,
        ..
    } = factor
    else {
        return no_at(
            &at,
            "it reads something that is no view (a subquery, a function, a sample)",
        );
    };
    let parts: Option<Vec<String>> = name.0.iter().map(|part| part.as_ident().map(folded)).collect();
    let (view, source) = match parts.as_deref() {
        Some([view]) => of_analytics(view, &at)?,
        Some([schema, view]) if schema == "analytics" => of_analytics(view, &at)?,
        Some([schema, view]) if schema == "events" => (format!("events.{}", quoted(view)), Source::Events),
        _ => return no_at(&at, "it reads something that is neither in `analytics` nor in `events`"),
    };
    let alias_is = name.0.last().and_then(|part| part.as_ident()).cloned();
    *name = ObjectName::from(vec![Ident::new(format!("_s{}", sources.len()))]);
    if alias.is_none()
        && let Some(called) = alias_is
    {
        *alias = Some(sqlparser::ast::TableAlias {
            explicit: true,
            name: called,
            columns: Vec::new(),
            at: None,
        });
    }
    sources.push((view, source));
    Ok(())
}

fn of_analytics(view: &str, at: &TableFactor) -> Result<(String, Source), NotIncremental> {
    match VERSIONED.iter().find(|(name, ..)| *name == view) {
        Some((name, key, table)) => Ok((format!("versions.{name}"), Source::Versions(key, table))),
        None => no_at(
            at,
            format!("it reads {view}, of which old rows are not kept, so that it can't be known what changed"),
        ),
    }
}

/// An identifier as Postgres understands it.
fn folded(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

/// The expressions of GROUP BY; none where there is no such clause.
fn grouping(select: &Select) -> Result<Option<Vec<Expr>>, NotIncremental> {
    match &select.group_by {
        GroupByExpr::Expressions(by, modifiers) if modifiers.is_empty() => Ok((!by.is_empty()).then(|| by.clone())),
        GroupByExpr::All(_) | GroupByExpr::Expressions(..) => no("it groups in more than one way"),
    }
}

fn expression(item: &SelectItem) -> Result<(&Expr, Option<&Ident>), NotIncremental> {
    match item {
        SelectItem::UnnamedExpr(expr) => Ok((expr, None)),
        SelectItem::ExprWithAlias { expr, alias } => Ok((expr, Some(alias))),
        _ => no_at(item, "it has `*`; name the columns"),
    }
}

/// What each column is, and the hidden columns that are needed beside them.
fn roles(
    select: &Select,
    grouped: Option<&[Expr]>,
    known: &BTreeSet<String>,
) -> Result<(Vec<Role>, Vec<SelectItem>), NotIncremental> {
    let (mut roles, mut hidden) = (Vec::new(), Vec::new());
    let mut named = vec![false; grouped.map_or(0, <[_]>::len)];
    for (number, item) in (1..).zip(&select.projection) {
        let (expr, alias) = expression(item)?;
        let mut is_key = grouped.is_none();
        for (group, named) in grouped.unwrap_or_default().iter().zip(&mut named) {
            if groups_by(group, number, expr, alias, known) {
                (is_key, *named) = (true, true);
            }
        }
        roles.push(match aggregate(expr)? {
            Some(_) if is_key && grouped.is_some() => return no_at(expr, "it groups by a sum"),
            None if is_key => Role::Key,
            None => {
                return no_at(
                    expr,
                    format!("its column `{expr}` is neither grouped by nor a plain sum() or count()"),
                );
            }
            Some((_, false)) => Role::Count,
            Some((function, true)) => {
                let mut count = function.clone();
                count.name = ObjectName::from(vec![Ident::new("count")]);
                hidden.push(called(Expr::Function(count), &format!("_n{}", hidden.len())));
                Role::Sum(hidden.len() - 1)
            }
        });
    }
    if let Some(missing) = named.iter().position(|named| !named) {
        let missing = grouped.and_then(|all| all.get(missing));
        let name = missing.map_or_else(String::new, ToString::to_string);
        return no(format!("it groups by `{name}`, which is not among its columns"));
    }
    let rows = Parser::new(&PostgreSqlDialect {})
        .try_with_sql("count(*)")
        .and_then(|mut parser| parser.parse_expr());
    match rows {
        Ok(rows) => hidden.push(called(rows, "_rows")),
        Err(error) => return no(error.to_string()),
    }
    Ok((roles, hidden))
}

fn called(expr: Expr, name: &str) -> SelectItem {
    SelectItem::ExprWithAlias {
        expr,
        alias: Ident::new(name),
    }
}

/// Whether an element of GROUP BY means this column. A name is that of a column of a table first, and only then that of a
/// column of the statement.
fn groups_by(group: &Expr, number: usize, expr: &Expr, alias: Option<&Ident>, known: &BTreeSet<String>) -> bool {
    match group {
        Expr::Value(value) => matches!(&value.value, Value::Number(text, _) if *text == number.to_string()),
        Expr::Identifier(name) => {
            group == expr
                || matches!(expr, Expr::CompoundIdentifier(parts) if parts.last().map(folded) == Some(folded(name)))
                || alias.is_some_and(|alias| folded(alias) == folded(name) && !known.contains(&folded(name)))
        }
        // `t.month` and `month` mean the same where both can be said.
        Expr::CompoundIdentifier(parts) => {
            group == expr || matches!(expr, Expr::Identifier(name) if parts.last().map(folded) == Some(folded(name)))
        }
        group => group == expr,
    }
}

/// The sum or count that an expression is, and whether it is a sum; none where it has no aggregate in it.
fn aggregate(expr: &Expr) -> Result<Option<(&Function, bool)>, NotIncremental> {
    let Expr::Function(function) = expr else {
        return Ok(None);
    };
    let name = function.name.to_string().to_lowercase();
    if !matches!(name.as_str(), "sum" | "count") {
        return Ok(None);
    }
    let plain = function.over.is_none()
        && function.within_group.is_empty()
        && matches!(&function.args, FunctionArguments::List(list)
            if list.clauses.is_empty() && list.duplicate_treatment != Some(DuplicateTreatment::Distinct));
    if !plain {
        return no_at(
            expr,
            format!("its column `{expr}` is more than a plain sum() or count()"),
        );
    }
    Ok(Some((function, name == "sum")))
}

/// Whether all expressions have the same value whenever they are computed.
fn check_expressions(select: &Select) -> Result<(), NotIncremental> {
    let top: Vec<&Expr> = select
        .projection
        .iter()
        .filter_map(|item| expression(item).ok())
        .map(|(expr, _)| expr)
        .filter(|expr| matches!(aggregate(expr), Ok(Some(_))))
        .collect();
    let found = visit_expressions(select, |expr| match steady(expr, &top) {
        Ok(()) => ControlFlow::Continue(()),
        Err(why) => ControlFlow::Break(why),
    });
    match found {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(why) => Err(why),
    }
}

fn steady(expr: &Expr, aggregates: &[&Expr]) -> Result<(), NotIncremental> {
    match expr {
        Expr::Function(function) => {
            let name = function.name.to_string().to_lowercase();
            let known = FUNCTIONS.contains(&name.as_str())
                && function.over.is_none()
                && matches!(&function.args, FunctionArguments::List(list) if list.args.iter().all(plain_argument));
            if known || aggregates.contains(&expr) {
                Ok(())
            } else if function.over.is_some() {
                no_at(expr, format!("it has the window function {name}()"))
            } else {
                no_at(
                    expr,
                    format!("it is not known of {name}() that it adds up, or that it is always the same"),
                )
            }
        }
        Expr::Value(value) => {
            let text = value.value.to_string().to_lowercase();
            if names_now(&text) {
                no_at(expr, format!("{text} may mean another day tomorrow"))
            } else {
                Ok(())
            }
        }
        Expr::TypedString(typed) => {
            let text = typed.value.to_string().to_lowercase();
            let is_a_word =
                text.chars().any(|c| c.is_ascii_alphabetic()) && !text.contains(|c: char| c.is_ascii_digit());
            if is_a_word || names_now(&text) {
                no_at(expr, format!("{text} may mean another day tomorrow"))
            } else {
                Ok(())
            }
        }
        Expr::Cast {
            kind: CastKind::Cast | CastKind::DoubleColon,
            ..
        }
        | Expr::Identifier(_)
        | Expr::CompoundIdentifier(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsDistinctFrom(..)
        | Expr::IsNotDistinctFrom(..)
        | Expr::InList { .. }
        | Expr::Between { .. }
        | Expr::BinaryOp { .. }
        | Expr::UnaryOp { .. }
        | Expr::Like { .. }
        | Expr::ILike { .. }
        | Expr::Extract { .. }
        | Expr::Ceil { .. }
        | Expr::Floor { .. }
        | Expr::Position { .. }
        | Expr::Substring { .. }
        | Expr::Trim { .. }
        | Expr::Nested(_)
        | Expr::Interval(_)
        | Expr::Case { .. } => Ok(()),
        Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => no_at(expr, "it has a subquery; use JOIN"),
        other => no_at(
            other,
            format!("it is not known of `{other}` that it is always the same"),
        ),
    }
}

/// Whether a literal has one of the words that Postgres understands as a time of now, alone or with an hour (`tomorrow 5pm`).
fn names_now(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphabetic())
        .any(|word| matches!(word, "now" | "today" | "tomorrow" | "yesterday"))
}

fn plain_argument(argument: &FunctionArg) -> bool {
    matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(_)))
}

/// Without groups each row must be one of its own: it shows what tells the rows of each of its tables apart.
fn unique(select: &Select, sources: &[(String, Source)]) -> Result<(), NotIncremental> {
    let shown: Vec<String> = select
        .projection
        .iter()
        .filter_map(|item| match expression(item).ok()?.0 {
            Expr::Identifier(name) => Some(folded(name)),
            Expr::CompoundIdentifier(parts) => parts.last().map(folded),
            _ => None,
        })
        .collect();
    let [(view, source)] = sources else {
        return no("it joins tables without grouping; group by something");
    };
    let key: &[&str] = match source {
        Source::Events if event_views::is_list(view) => &["position", "number"],
        Source::Events => &["position"],
        Source::Versions(..) if view == "versions.postings" => &["transaction_id", "number"],
        Source::Versions(key, _) => key,
    };
    match key.iter().find(|column| !shown.iter().any(|shown| shown == *column)) {
        Some(missing) => no(format!(
            "it neither groups nor shows {missing}, so that equal rows could not be told apart"
        )),
        None => Ok(()),
    }
}
