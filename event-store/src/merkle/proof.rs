//! Ways through the tree, as in RFC 9162: that a leaf is in it (section 2.1.3), and that it is the beginning of a later
//! tree (section 2.1.4).

use super::{Hash, Span, node};

/// Where a node of the tree divides: at the largest power of two that is smaller than its number of leaves.
pub(crate) fn split(span: &Span) -> i64 {
    // A node of one leaf is never asked; of n, n - 1 has the bit that counts.
    span.start + (1 << (span.end - span.start - 1).max(1).ilog2())
}

/// The nodes beside the way from a leaf (counted from 0) up to the root of a tree of this size, the lowest first.
pub(crate) fn inclusion(leaf: i64, size: i64) -> Vec<Span> {
    let (mut node, mut beside) = (0..size, Vec::new());
    while node.end - node.start > 1 {
        let split = split(&node);
        if leaf < split {
            beside.push(split..node.end);
            node.end = split;
        } else {
            beside.push(node.start..split);
            node.start = split;
        }
    }
    beside.reverse();
    beside
}

/// The nodes that prove a tree of size `old` to be the beginning of one of this size, the lowest first. None for equal sizes,
/// and none for the empty tree, with which every tree begins.
pub(crate) fn consistency(old: i64, size: i64) -> Vec<Span> {
    let (mut node, mut proof) = (0..size, Vec::new());
    if old == 0 {
        return proof;
    }
    while node.end != old {
        let split = split(&node);
        if old <= split {
            proof.push(split..node.end);
            node.end = split;
        } else {
            proof.push(node.start..split);
            node.start = split;
        }
    }
    // The old tree itself is known to who asks.
    if node.start != 0 {
        proof.push(node);
    }
    proof.reverse();
    proof
}

/// The root that a leaf (counted from 0) and its path lead to in a tree of this size; `None` if the path is not of the length
/// that it has there.
pub(crate) fn root_of(leaf: Hash, index: i64, size: i64, path: &[Hash]) -> Option<Hash> {
    if !(0..size).contains(&index) {
        return None;
    }
    let (mut at, mut last, mut root) = (index, size - 1, leaf);
    for beside in path {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            root = node(beside, &root);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            root = node(&root, beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    (last == 0).then_some(root)
}

/// Whether the proof shows that the tree of size `old` with that root is the beginning of the one of this size and root.
pub(crate) fn is_consistent(old: i64, old_root: Hash, size: i64, root: Hash, proof: &[Hash]) -> bool {
    if old == 0 || old == size {
        let same = if old == size {
            old_root == root
        } else {
            old_root == super::hash(&[])
        };
        return same && proof.is_empty();
    }
    if !(0..size).contains(&old) {
        return false;
    }
    let mut nodes = proof.iter();
    // A tree that is one perfect subtree stands for itself.
    let first = if old.count_ones() == 1 {
        Some(&old_root)
    } else {
        nodes.next()
    };
    let Some(first) = first else { return false };
    let (mut at, mut last) = (old - 1, size - 1);
    while at & 1 == 1 {
        (at, last) = (at >> 1, last >> 1);
    }
    let (mut before, mut after) = (*first, *first);
    for beside in nodes {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            (before, after) = (node(beside, &before), node(beside, &after));
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            after = node(&after, beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && before == old_root && after == root
}

#[cfg(test)]
mod tests;
