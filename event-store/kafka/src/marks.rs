//! How far a subscription has come in each partition, as it is written down in Postgres.

use spendlog_event_store::Database;

use crate::{Topic, TransportError};

/// The marks of one subscription in one topic.
#[derive(Clone, Debug)]
pub(crate) struct Marks {
    pub(crate) db: Database,
    pub(crate) subscription: &'static str,
    pub(crate) topic: Topic,
}

impl Marks {
    /// Says that the subscription reads the topic, before it does: whoever switches to another topic then waits for it.
    pub(crate) async fn begin(&self) -> Result<(), TransportError> {
        const BEGIN: &str = "WITH topic AS (SELECT partitions FROM es.kafka_topics WHERE topic = $2 FOR SHARE)
            INSERT INTO es.kafka_marks (subscription, topic, partition, position)
            SELECT $1, $2, p, 0 FROM topic, generate_series(0, partitions - 1) p ON CONFLICT DO NOTHING";
        let begin = sqlx::query(BEGIN).bind(self.subscription).bind(&self.topic.topic);
        begin.execute(self.db.pool()).await?;
        Ok(())
    }

    /// The marks of these partitions.
    pub(crate) async fn load(&self, partitions: &[i32]) -> Result<Vec<(i32, i64)>, TransportError> {
        const LOAD: &str = "SELECT partition, position FROM es.kafka_marks WHERE subscription = $1 AND topic = $2 AND partition = ANY ($3)";
        let load = sqlx::query_as(LOAD).bind(self.subscription).bind(&self.topic.topic);
        Ok(load.bind(partitions).fetch_all(self.db.pool()).await?)
    }

    /// Raises these marks (none: those that others raised), and the position up to which the subscription is done with all
    /// partitions. None is ever lowered: whoever had a partition before may still write down what it did.
    pub(crate) async fn save(&self, marks: &[(i32, i64)]) -> Result<(), TransportError> {
        const SAVE: &str = "WITH raised AS (
                INSERT INTO es.kafka_marks AS m (subscription, topic, partition, position)
                SELECT $1, $2, u.partition, u.position FROM unnest($3::int[], $4::bigint[]) u (partition, position)
                ON CONFLICT (subscription, topic, partition) DO UPDATE SET position = excluded.position, updated_at = now()
                    WHERE m.position < excluded.position
                RETURNING partition, position
            ), marks AS (
                SELECT partition, position FROM raised
                UNION ALL
                SELECT partition, position FROM es.kafka_marks
                WHERE subscription = $1 AND topic = $2 AND partition NOT IN (SELECT partition FROM raised)
            )
            UPDATE es.subscriptions s SET position = a.position, updated_at = now()
            FROM (SELECT min(position) AS position FROM marks HAVING count(*) = $5) a
            WHERE s.name = $1 AND s.position < a.position";
        let (partitions, positions): (Vec<i32>, Vec<i64>) = marks.iter().copied().unzip();
        let save = sqlx::query(SAVE).bind(self.subscription).bind(&self.topic.topic);
        let save = save
            .bind(partitions)
            .bind(positions)
            .bind(i64::from(self.topic.partitions));
        save.execute(self.db.pool()).await?;
        Ok(())
    }
}
