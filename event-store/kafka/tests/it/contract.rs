//! What every transport must hold.

use crate::stage::OnKafka;

spendlog_event_store::feed_contract!(OnKafka::new().await);
