//! What counts no longer, and what counts again.

use std::slice::from_ref;

use super::*;

#[test]
fn a_voided_transaction_is_restored_and_nothing_else() {
    for cause in [voided(), reverted(IMPORT)] {
        let given = [recorded(expense()), cause];
        for command in corrections() {
            refuse(&given, command, TransactionError::Voided);
        }
        check::<Transaction>(&given, TransactionCommand::Void, Ok(vec![]));
        let restored = TransactionEvent::Restored { import: None };
        check::<Transaction>(&given, TransactionCommand::Restore, Ok(vec![restored.clone()]));
        assert!(replay::<Transaction>(&given).is_voided());
        let again: Transaction = replay(&[given[0].clone(), given[1].clone(), restored]);
        assert_eq!((again.is_voided(), again.void_cause()), (false, None));
    }
    let given = [recorded(expense())];
    check::<Transaction>(&given, TransactionCommand::Void, Ok(vec![voided()]));
    check::<Transaction>(&given, TransactionCommand::Restore, Ok(vec![]));
}

#[test]
fn reverting_an_import_voids_only_what_it_brought() {
    let revert = TransactionCommand::RevertImport { import: IMPORT };
    let brought = recorded_from(expense(), BY_IMPORT);
    check::<Transaction>(from_ref(&brought), revert.clone(), Ok(vec![reverted(IMPORT)]));
    check::<Transaction>(&[brought.clone(), reverted(IMPORT)], revert.clone(), Ok(vec![]));
    check::<Transaction>(&[brought.clone(), voided()], revert.clone(), Ok(vec![]));
    check::<Transaction>(&[recorded(expense())], revert, Ok(vec![]));
    let other = TransactionCommand::RevertImport { import: OTHER_IMPORT };
    check::<Transaction>(from_ref(&brought), other, Ok(vec![]));
    assert_eq!(replay::<Transaction>(&[brought]).brought_by(), Some(IMPORT));
}

#[test]
fn importing_again_restores_what_a_reversal_voided() {
    let brought = recorded_from(expense(), BY_IMPORT);
    let restore = |import| TransactionCommand::RestoreByImport { import };
    let restored = TransactionEvent::Restored {
        import: Some(OTHER_IMPORT),
    };
    let given = [brought.clone(), reverted(IMPORT)];
    check::<Transaction>(&given, restore(OTHER_IMPORT), Ok(vec![restored.clone()]));
    check::<Transaction>(from_ref(&brought), restore(IMPORT), Ok(vec![]));
    check::<Transaction>(&[brought.clone(), voided()], restore(IMPORT), Ok(vec![]));
    // From now on it is the other import's: only its reversal voids the transaction again.
    let given = [brought, reverted(IMPORT), restored];
    assert_eq!(replay::<Transaction>(&given).brought_by(), Some(OTHER_IMPORT));
    check::<Transaction>(&given, TransactionCommand::RevertImport { import: IMPORT }, Ok(vec![]));
    let revert = TransactionCommand::RevertImport { import: OTHER_IMPORT };
    check::<Transaction>(&given, revert, Ok(vec![reverted(OTHER_IMPORT)]));
}

#[test]
fn what_a_person_restores_stays_the_imports() {
    let brought = recorded_from(expense(), BY_IMPORT);
    let given = [brought, voided(), TransactionEvent::Restored { import: None }];
    assert_eq!(replay::<Transaction>(&given).brought_by(), Some(IMPORT));
    check::<Transaction>(
        &given,
        TransactionCommand::RevertImport { import: IMPORT },
        Ok(vec![reverted(IMPORT)]),
    );
}
