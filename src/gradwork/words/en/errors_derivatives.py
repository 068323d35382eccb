"""English: what cannot be derived, simplified, shown or checked."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "no sizes were found for which": "no sizes were found for which every shape in this formula is positive",
    "name at least one variable": "name at least one variable to take the derivative by",
    "variable is named twice": "a variable is named twice",
    "scalar function needed": "{what} needs a scalar function; this one has shape {shape:shape}: take sum(f) or mean(f), or use jacobian(f, x) or vjp(f, x, weights)",
    "weights have shape f": "the weights have shape {shape:shape}, f has {f_shape:shape}",
    "variables need tangents": "{count} variables need {count} tangents, not {chosen}",
    "vectors of Hessian vector product have": "the vectors of a Hessian-vector product have the shapes of the variables",
    "tangent of another shape": "the tangent of {params} has shape {shape:shape}, expected {v_shape:shape}",
    "not a symbol of the function": "{v!r} is not a symbol of the function; its symbols are {by_name:names}",
    "derivative is taken by symbol": "a derivative is taken by a symbol, such as the b of gw.vector('b', d)",
    "no derivative": "{name} has no derivative in Gradwork (met at an expression of shape {shape:shape})",
    "line does not replay": "the line of {target} does not replay",
    "adjoints of states are of scalar": "the adjoints of states are of a scalar function, not of shape {shape:shape}",
    "step does not replay": "the step {name!r} does not replay",
    "derivation is shown as one": "a derivation is shown as one of {styles:names}, not {style!r}",
    "unroll takes what gw grad returned": "unroll takes what gw.grad returned, or its derivation",
    "open size in unroll": "the size {missing} is open: say unroll(…, sizes={{'{missing}': 4}})",
    "detail of derivation is one": "the detail of a derivation is one of {details:names}, not {detail!r}",
}
