//! The tree against its definition, and against the roots that Certificate Transparency publishes for its test.

use proptest::prelude::*;

use super::*;

/// The definition of RFC 9162, section 2.1.1.
fn defined(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => hash(&[]),
        [leaf] => *leaf,
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            node(&defined(&leaves[..split]), &defined(&leaves[split..]))
        }
    }
}

#[test]
fn roots_are_those_of_certificate_transparency() {
    let entries: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let mut tree = Tree::default();
    assert_eq!(
        hex::encode(tree.root()),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    let mut roots = Vec::new();
    for entry in entries {
        tree.push(hash(&[&[0], entry]));
        roots.push(hex::encode(tree.root()));
    }
    assert_eq!(
        roots[0],
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    );
    assert_eq!(
        roots[6],
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"
    );
    assert_eq!(
        roots[7],
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    );
}

#[test]
fn a_frontier_of_another_size_is_refused() {
    let mut tree = Tree::default();
    (0..6).for_each(|n| tree.push([n; 32]));
    assert_eq!(Tree::load(6, &tree.frontier()), Some(tree.clone()));
    assert_eq!(Tree::load(7, &tree.frontier()), None);
    assert_eq!(Tree::load(-1, &[]), None);
    assert_eq!(Tree::load(1, &[0; 33]), None);
}

#[test]
fn a_leaf_covers_every_column() {
    let entry = Entry {
        kind: "note",
        stream: "a",
        sequence: 1,
        event_type: "note.written",
        version: "1",
        payload: "{}",
        metadata: "{}",
        position: 9,
        owner: Uuid::from_u128(1),
        command_id: None,
        recorded_at: 5,
    };
    let others = [
        Entry {
            kind: "not",
            stream: "ea",
            ..entry
        },
        Entry { stream: "b", ..entry },
        Entry { sequence: 2, ..entry },
        Entry {
            event_type: "note.read",
            ..entry
        },
        Entry { version: "2", ..entry },
        Entry {
            payload: "{ }",
            ..entry
        },
        Entry {
            metadata: "{ }",
            ..entry
        },
        Entry { position: 8, ..entry },
        Entry {
            owner: Uuid::from_u128(2),
            ..entry
        },
        Entry {
            command_id: Some(Uuid::nil()),
            ..entry
        },
        Entry {
            recorded_at: 6,
            ..entry
        },
    ];
    let mut leaves: Vec<Hash> = others
        .iter()
        .chain([&entry])
        .map(|entry| entry.leaf(&mut Vec::new()))
        .collect();
    leaves.sort_unstable();
    leaves.dedup();
    assert_eq!(leaves.len(), others.len() + 1);
}

proptest! {
    #[test]
    fn the_frontier_has_the_defined_root(count in 0_usize..200, cut in 0_usize..200) {
        let leaves: Vec<Hash> = (0..count).map(|n| hash(&[&n.to_be_bytes()])).collect();
        let mut tree = Tree::default();
        for (n, leaf) in leaves.iter().enumerate() {
            if n == cut {
                tree = Tree::load(tree.size(), &tree.frontier()).unwrap();
            }
            tree.push(*leaf);
        }
        prop_assert_eq!(tree.root(), defined(&leaves));
    }
}
