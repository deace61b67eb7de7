//! The cheapest assignment of places to places.

/// The assignment of rows to columns of a square table of costs whose sum is least: the column of each row. By shortest
/// augmenting paths (Kuhn 1955; Jonker and Volgenant 1987), in the cube of the side; of several it is always the same one.
pub(super) fn cheapest<const N: usize>(costs: &[[i64; N]; N]) -> [usize; N] {
    // What rows and columns may be charged without any cost going below 0; a path grows along what is then free.
    let (mut of_rows, mut of_columns) = ([0; N], [0; N]);
    let mut row_of: [Option<usize>; N] = [None; N];
    for first in 0..N {
        let (mut least, mut before, mut done) = ([i64::MAX; N], [None; N], [false; N]);
        let (mut row, mut last) = (first, None);
        let end = loop {
            for column in (0..N).filter(|&column| !done[column]) {
                let cost = costs[row][column] - of_rows[row] - of_columns[column];
                if cost < least[column] {
                    (least[column], before[column]) = (cost, last);
                }
            }
            let open = (0..N).filter(|&column| !done[column]);
            // A row is added at a time, so a column is free until all are taken.
            let Some(next) = open.min_by_key(|&column| least[column]) else { break last };
            let charge = least[next];
            of_rows[first] += charge;
            for column in 0..N {
                match (done[column], row_of[column]) {
                    (true, Some(taken)) => {
                        of_rows[taken] += charge;
                        of_columns[column] -= charge;
                    }
                    _ => least[column] = least[column].saturating_sub(charge),
                }
            }
            (done[next], last) = (true, Some(next));
            match row_of[next] {
                Some(taken) => row = taken,
                None => break last,
            }
        };
        // Along the path, back to where it began, each column takes the row of the one before it.
        let mut column = end;
        while let Some(here) = column {
            column = before[here];
            row_of[here] = column.map_or(Some(first), |from| row_of[from]);
        }
    }
    let mut column_of = [0; N];
    row_of.iter().enumerate().for_each(|(column, row)| row.iter().for_each(|&row| column_of[row] = column));
    column_of
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::draw::chance::count;
    use rand::SeedableRng;

    fn sum<const N: usize>(costs: &[[i64; N]; N], columns: &[usize]) -> i64 {
        columns.iter().enumerate().map(|(row, &column)| costs[row][column]).sum()
    }

    /// The least sum of all orders, one after another.
    fn least<const N: usize>(costs: &[[i64; N]; N], columns: &mut Vec<usize>) -> i64 {
        if columns.len() == N {
            return sum(costs, columns);
        }
        let mut best = i64::MAX;
        for column in 0..N {
            if !columns.contains(&column) {
                columns.push(column);
                best = best.min(least(costs, columns));
                columns.pop();
            }
        }
        best
    }

    #[test]
    fn no_order_is_cheaper() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        for most in [2, 9, 1000] {
            for _ in 0..30 {
                let costs: [[i64; 6]; 6] =
                    std::array::from_fn(|_| std::array::from_fn(|_| i64::from(count(&mut rng, 0, most))));
                let found = cheapest(&costs);
                let mut each = found.to_vec();
                each.sort_unstable();
                assert_eq!(each, (0..6).collect::<Vec<_>>());
                assert_eq!(sum(&costs, &found), least(&costs, &mut Vec::new()), "{costs:?}");
            }
        }
    }
}
