"""How a run was trained: curves by epoch, augmentation, and every setting."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from braintumor.evaluation import figures
from braintumor.evaluation.judgement import Judgement
from braintumor.evaluation.page import Figure, Section
from braintumor.evaluation.run_tables import RunTables
from braintumor.evaluation.settings import recipe_rows


def section(judgement: Judgement, *, images: bool) -> Section | None:
    """Learning curves and, where pictures may be shown, a batch before and after augmentation."""
    run = judgement.run
    learning, augmentation = learning_figures(run), run.augmentation() if images else None
    if not learning and not augmentation:
        return None
    values = {"learning": learning, "augmentation": augmentation}
    return Section("training.html", values, heading="Training", unfold="Epoch by epoch")


def recipe(judgement: Judgement, *, images: bool) -> Section | None:
    """Every setting of the recipe, and what the run recorded."""
    rows = recipe_rows(judgement.run.recipe)
    if not rows:
        return None
    return Section("recipe.html", {"rows": rows}, heading="Recipe", unfold="Every setting")


def learning_figures(run: RunTables) -> list[Figure]:
    """Loss and accuracy by epoch; none where the run has no history."""
    if run.history is None:
        return []
    settings = run.recipe.get("recipe", {})
    last = isinstance(settings, Mapping) and settings.get("keep") == "last"
    return [
        Figure(
            Markup(
                figures.learning_curves(run.history, key=f"learning-{what}", what=what, last=last)
            ),
            f"{what.capitalize()} by epoch. The weights kept are those of the marked epoch.",
        )
        for what in ("loss", "accuracy")
    ]
