//! Proofs of every leaf in every tree up to 70 leaves, against the definitions of RFC 9162 taken word for word.

use proptest::prelude::*;

use super::*;
use crate::merkle::{Tree, hash};

fn leaves(count: i64) -> Vec<Hash> {
    (0..count).map(|n| hash(&[&n.to_be_bytes()])).collect()
}

/// MTH of section 2.1.1.
fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => hash(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node(&mth(left), &mth(right))
        }
    }
}

/// PATH of section 2.1.3.1.
fn path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(k);
    let (mut path, beside) = if m < k {
        (path(m, left), mth(right))
    } else {
        (path(m - k, right), mth(left))
    };
    path.push(beside);
    path
}

/// SUBPROOF of section 2.1.4.1.
fn subproof(m: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
    if m == leaves.len() {
        return if known { Vec::new() } else { vec![mth(leaves)] };
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(k);
    let (mut proof, beside) = if m <= k {
        (subproof(m, left, known), mth(right))
    } else {
        (subproof(m - k, right, false), mth(left))
    };
    proof.push(beside);
    proof
}

fn nodes(spans: &[Span], leaves: &[Hash]) -> Vec<Hash> {
    let of = |span: &Span| mth(&leaves[span.start as usize..span.end as usize]);
    spans.iter().map(of).collect()
}

#[test]
fn every_leaf_is_proved_in_every_tree() {
    for size in 1..=70 {
        let leaves = leaves(size);
        let root = mth(&leaves);
        for index in 0..size {
            let proof = nodes(&inclusion(index, size), &leaves);
            assert_eq!(proof, path(index as usize, &leaves), "{index} of {size}");
            assert!(proof.len() as u32 <= 64 - (size as u64 - 1).leading_zeros());
            let leaf = leaves[index as usize];
            assert_eq!(root_of(leaf, index, size, &proof), Some(root), "{index} of {size}");
            assert_eq!(root_of(leaf, size, size, &proof), None);
            // Neither another leaf nor another place or path leads there. (Another size may: it is the signed head that says it.)
            for other in 0..size {
                if other != index {
                    assert_ne!(root_of(leaves[other as usize], index, size, &proof), Some(root));
                    assert_ne!(root_of(leaf, other, size, &proof), Some(root));
                }
            }
            for at in 0..proof.len() {
                let mut altered = proof.clone();
                altered[at][31] ^= 1;
                assert_ne!(root_of(leaf, index, size, &altered), Some(root));
                altered.remove(at);
                assert_ne!(root_of(leaf, index, size, &altered), Some(root));
            }
        }
    }
}

#[test]
fn every_tree_is_proved_to_begin_every_later_one() {
    for size in 1..=70 {
        let leaves = leaves(size);
        let root = mth(&leaves);
        for old in 0..=size {
            let old_root = mth(&leaves[..old as usize]);
            let proof = nodes(&consistency(old, size), &leaves);
            if old > 0 {
                assert_eq!(proof, subproof(old as usize, &leaves, true), "{old} of {size}");
            }
            assert!(is_consistent(old, old_root, size, root, &proof), "{old} of {size}");
            let mut other = old_root;
            other[0] ^= 1;
            assert!(!is_consistent(old, other, size, root, &proof), "{old} of {size}");
            other = root;
            other[0] ^= 1;
            assert!(
                old == 0 || !is_consistent(old, old_root, size, other, &proof),
                "{old} of {size}"
            );
            for at in 0..proof.len() {
                let mut altered = proof.clone();
                altered[at][0] ^= 1;
                assert!(!is_consistent(old, old_root, size, root, &altered), "{old} of {size}");
                altered.remove(at);
                assert!(!is_consistent(old, old_root, size, root, &altered), "{old} of {size}");
            }
        }
        assert!(!is_consistent(size + 1, root, size, root, &[]));
    }
}

#[test]
fn what_stands_from_a_leaf_on_is_a_tree_of_its_own() {
    let leaves = leaves(70);
    let mut tree = Tree::default();
    for size in 0..=70 {
        for start in 0..=size {
            if let Some(tail) = tree.tail(start) {
                assert_eq!(
                    (tail.size(), tail.root()),
                    (size - start, mth(&leaves[start as usize..size as usize]))
                );
            } else {
                assert!(tree.perfect(start).is_some_and(|(span, _)| span.start < start));
            }
            match tree.perfect(start) {
                Some((span, root)) => {
                    assert!(span.contains(&start));
                    assert_eq!(root, mth(&leaves[span.start as usize..span.end as usize]));
                }
                None => assert_eq!(start, size),
            }
        }
        if let Some(leaf) = leaves.get(size as usize) {
            tree.push(*leaf);
        }
    }
}

proptest! {
    #[test]
    fn large_trees_are_as_small_ones(size in 1_i64..5000, index in 0_i64..5000, old in 0_i64..5000) {
        let (leaves, index, old) = (leaves(size), index % size, old % (size + 1));
        let root = mth(&leaves);
        let proof = nodes(&inclusion(index, size), &leaves);
        prop_assert_eq!(root_of(leaves[index as usize], index, size, &proof), Some(root));
        let proof = nodes(&consistency(old, size), &leaves);
        prop_assert!(is_consistent(old, mth(&leaves[..old as usize]), size, root, &proof));
    }
}
