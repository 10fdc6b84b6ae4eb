//! What tries a run before it is made: searches, learning rates, one batch.

use crate::{circle, fingerprint, mlp, quiet, task};
use optim::{Adam, Optimizer, Sgd};
use std::collections::BTreeSet;
use train::{Direction, Error, Halving, LrRange, Search, Space, TrainConfig, Trainer};

fn space() -> Space {
    Space::new()
        .log_uniform("lr", 1e-4, 1e-1)
        .uniform("dropout", 0.0, 0.5)
        .int("layers", 1, 3)
        .one_of("activation", ["relu", "gelu"])
}

#[test]
fn a_grid_has_every_combination_once_with_the_ends() {
    let mut seen = Vec::new();
    let found = Search::grid(space(), 3, 0, Direction::Lower).run(|candidate| {
        seen.push(candidate.params.to_string());
        candidate.params.number("lr")
    });
    let found = found.unwrap();
    assert_eq!(seen.len(), 3 * 3 * 3 * 2);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len());
    assert_eq!(seen[0], "activation relu, dropout 0.0000, layers 1, lr 1.00e-4");
    assert_eq!(seen[53], "activation gelu, dropout 0.5000, layers 3, lr 0.1000");
    assert_eq!(found.best().candidate.params.number("lr").unwrap(), 1e-4);
    let middle = seen[1].rsplit(' ').next().unwrap().parse::<f64>().unwrap();
    assert!((middle / 3.162e-3 - 1.0).abs() < 0.02, "the middle of the logarithms: {middle}");
}

#[test]
fn random_candidates_depend_on_the_seed_alone_and_lie_inside() {
    let run = |seed| {
        let mut all = Vec::new();
        Search::random(space(), 200, seed, Direction::Higher)
            .run(|candidate| {
                let params = &candidate.params;
                assert!(
                    (1e-4..=1e-1).contains(&params.number("lr")?) && (1..=3).contains(&params.int("layers")?)
                );
                assert!((0.0..=0.5).contains(&params.number("dropout")?) && candidate.budget == 1);
                all.push(candidate.clone());
                Ok(0.0)
            })
            .unwrap();
        all
    };
    let (a, b) = (run(1), run(1));
    assert_eq!(a, b);
    assert_ne!(a, run(2));
    // Half of the logarithms lie below the middle: 100 of 200, with a standard deviation of 7.
    let low = a.iter().filter(|one| one.params.number("lr").unwrap() < 3.162e-3).count();
    assert!((65..=135).contains(&low), "{low}");
    let layers: BTreeSet<i64> = a.iter().map(|one| one.params.int("layers").unwrap()).collect();
    assert_eq!(layers, BTreeSet::from([1, 2, 3]));
    assert_eq!(a.iter().map(|one| one.seed).collect::<BTreeSet<_>>().len(), 200);
}

#[test]
fn halving_spends_on_those_that_are_better() {
    let halving = Halving { candidates: 9, min_budget: 2, max_budget: 15, factor: 3 };
    let mut spent = Vec::new();
    let found = Search::halving(space(), halving, 0, Direction::Lower)
        .run(|candidate| {
            spent.push((candidate.number, candidate.budget));
            Ok(if candidate.number == 4 { f64::NAN } else { (candidate.number as f64 - 6.0).abs() })
        })
        .unwrap();
    assert_eq!(spent[..9], (0..9).map(|i| (i, 2)).collect::<Vec<_>>());
    assert_eq!(spent[9..], [(6, 6), (5, 6), (7, 6), (6, 15)]);
    let order: Vec<usize> = found.all().iter().map(|one| one.candidate.number).collect();
    assert_eq!(order, [6, 5, 7, 8, 3, 2, 1, 0, 4]);
    assert_eq!((found.best().candidate.budget, found.best().value), (15, Some(0.0)));
    assert_eq!(found.all()[8].value, None);
    let table = found.table(2);
    assert_eq!(table.header(), ["no.", "activation", "dropout", "layers", "lr", "budget", "value"]);
    assert_eq!(table.len(), 2);
}

#[test]
fn what_cannot_be_searched_is_refused_and_errors_end_a_search() {
    let message = |space: Space| {
        Search::random(space, 3, 0, Direction::Lower).run(|_| Ok(0.0)).unwrap_err().to_string()
    };
    assert_eq!(
        message(Space::new()),
        "[search] there must be a setting to search; got none; correct the space"
    );
    for bad in [
        Space::new().uniform("x", 1.0, 0.0),
        Space::new().log_uniform("x", 0.0, 1.0),
        Space::new().uniform("x", 0.0, f64::INFINITY),
        Space::new().int("x", 2, 1),
        Space::new().one_of("x", Vec::<String>::new()),
    ] {
        assert!(message(bad).starts_with("[search] the choices of a setting must be some, from low to high"));
    }
    let none = Search::random(space(), 0, 0, Direction::Lower).run(|_| Ok(0.0)).unwrap_err().to_string();
    assert!(none.starts_with("[search] there must be a candidate"), "{none}");
    let asked = |ask: fn(&train::Params) -> train::Result<()>| {
        let mut calls = 0;
        let error = Search::random(space(), 3, 0, Direction::Lower).run(|one| {
            calls += 1;
            ask(&one.params).map(|()| 0.0)
        });
        assert_eq!(calls, 1);
        error.unwrap_err().to_string()
    };
    assert_eq!(
        asked(|params| params.number("rate").map(|_| ())),
        "[search] a setting must be asked for by its name and as what it is; got rate, where there are [\"activation\", \
         \"dropout\", \"layers\", \"lr\"]; correct the name, or ask with number, int or word"
    );
    assert!(
        asked(|params| params.int("activation").map(|_| ())).contains("got activation as a whole number")
    );
    let all_fail = Search::random(space(), 3, 0, Direction::Lower)
        .run(|_| Err(Error::NotFinite { loss: f64::NAN, epoch: 1, step: 0 }));
    assert!(all_fail.unwrap().all().iter().all(|one| one.value.is_none()));
}

#[test]
fn a_learning_rate_is_found_where_training_works_and_nothing_is_changed() {
    let (mut model, train) = (mlp(0), circle(400, 0));
    let mut adam = Adam::new(0.123);
    let before = fingerprint(&model);
    let trainer = Trainer::new(quiet());
    let curve = trainer.find_lr(&mut model, &mut adam, &task(), &train, &LrRange::default()).unwrap();
    assert_eq!((fingerprint(&model), adam.steps(), adam.lr()), (before, 0, 0.123));
    let found = curve.suggestion().unwrap();
    assert!((1e-4..1.0).contains(&found), "{found}");
    assert!(curve.points.iter().all(|p| p.1.is_finite()) && curve.points[0].0 == 1e-7);
    let svg = curve.figure().svg().unwrap();
    assert!(svg.contains("falls fastest at") && svg.contains("learning rate"));
    // The same again.
    assert_eq!(trainer.find_lr(&mut model, &mut adam, &task(), &train, &LrRange::default()).unwrap(), curve);
    // A loss that explodes ends it.
    let range = LrRange { from: 1.0, to: 1e9, ..LrRange::default() };
    let wild = trainer.find_lr(&mut model, &mut Sgd::new(1.0), &task(), &train, &range).unwrap();
    assert!(wild.points.len() < 100, "{}", wild.points.len());
    let error = trainer
        .find_lr(&mut model, &mut adam, &task(), &train, &LrRange { from: 0.0, ..LrRange::default() })
        .unwrap_err();
    assert!(error.to_string().starts_with("[find_lr] a range must rise from a positive rate"), "{error}");
    assert_eq!(fingerprint(&model), before);
}

#[test]
fn one_batch_is_learnt_by_heart_and_nothing_is_changed() {
    let (mut model, train) = (mlp(0), circle(400, 0));
    let mut adam = Adam::new(0.05);
    let before = fingerprint(&model);
    let trainer = Trainer::new(TrainConfig { batch_size: 8, ..quiet() });
    let losses = trainer.overfit_one_batch(&mut model, &mut adam, &task(), &train, 200).unwrap();
    assert!(losses.len() == 200 && losses[199] < 0.01 && losses[0] > 0.3, "{} {}", losses[0], losses[199]);
    assert_eq!((fingerprint(&model), adam.steps()), (before, 0));
}
