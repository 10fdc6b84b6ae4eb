//! Parameters of which only some rows have a gradient: these rows are taken out, updated as any parameter, and put back.

use crate::error::Result;
use crate::slots::Update;
use tensor::Tensor;

/// An update, of the parameter itself or of its rows and those of its moments.
pub(crate) struct Part<'a> {
    whole: Update<'a>,
    taken: Option<(Tensor, Vec<Tensor>)>,
}

impl<'a> Part<'a> {
    /// Takes the rows of each update out that is of rows.
    pub(crate) fn take(updates: Vec<Update<'a>>) -> Result<Vec<Self>> {
        let take = |whole: Update<'a>| {
            let taken = match whole.rows {
                None => None,
                Some(rows) => {
                    let moments = whole.moments.iter().map(|moment| moment.index_select(0, rows));
                    let moments = moments.collect::<tensor::Result<_>>()?;
                    Some((whole.param.index_select(0, rows)?, moments))
                }
            };
            Ok(Self { whole, taken })
        };
        updates.into_iter().map(take).collect()
    }

    /// What is to be updated.
    pub(crate) fn update(&mut self) -> Update<'_> {
        let Update { grad, rows, settings, step, .. } = self.whole;
        let (param, moments) = match &mut self.taken {
            None => (&mut *self.whole.param, &mut *self.whole.moments),
            Some((param, moments)) => (param, &mut moments[..]),
        };
        Update { param, grad, rows, settings, step, moments }
    }

    /// Puts updated rows back.
    pub(crate) fn put_back(parts: Vec<Self>) -> Result<()> {
        for Self { whole, taken } in parts {
            let (Some(rows), Some((param, moments))) = (whole.rows, taken) else { continue };
            whole.param.set_rows(rows, &param)?;
            for (kept, new) in whole.moments.iter_mut().zip(&moments) {
                kept.set_rows(rows, new)?;
            }
        }
        Ok(())
    }
}
