//! Which partition an owner's events are in: as Kafka's own producers choose it by the key, so that others come to the same.

use uuid::Uuid;

/// The partition of an owner's events, among so many. It is given with each record: should somebody add partitions to a topic
/// behind our back, no owner moves.
pub fn partition_of(owner: Uuid, partitions: i32) -> i32 {
    let hash = murmur2(owner.to_string().as_bytes()) & 0x7fff_ffff;
    // Less than `partitions`, which is positive.
    i32::try_from(hash % partitions.max(1).unsigned_abs()).unwrap_or(0)
}

/// MurmurHash2 with the seed that Kafka uses.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ u32::try_from(data.len()).unwrap_or(u32::MAX);
    let (words, rest) = data.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !rest.is_empty() {
        for (shift, byte) in [0, 8, 16].into_iter().zip(rest) {
            hash ^= u32::from(*byte) << shift;
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_hashes_as_kafkas_own_producers_do() {
        // From Kafka's own tests.
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
        ] {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
    }

    #[test]
    fn owners_are_spread_over_all_partitions() {
        let mut counts = [0; 12];
        for owner in 0..12_000_u128 {
            counts[usize::try_from(partition_of(Uuid::from_u128(owner), 12)).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| (800..1200).contains(count)), "{counts:?}");
    }
}
