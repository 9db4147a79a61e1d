"""What the Python interface gives: the report of one model, in every form of the command."""

from dataclasses import dataclass, field, fields, replace

from coreml_resize_fix.intents.tensors import Tensors
from coreml_resize_fix.run.results import ModelReport, Run


@dataclass(frozen=True, repr=False)
class Report(ModelReport):
    """What was found in one model, and what was done.

    `print(report)` is the command's text, and so is each other form what the command writes.
    `dry_run`: nothing was to be written. `prints_errors`: the text has measured errors, which the
    other forms have where they were measured. `tensors` are recorded ones, which a page shows.
    """

    dry_run: bool = True
    prints_errors: bool = True
    tensors: Tensors = field(default_factory=dict, compare=False)

    @classmethod
    def of(
        cls, found: ModelReport, dry_run: bool, prints_errors: bool, tensors: Tensors
    ) -> "Report":
        """A report that knows its forms."""
        values = {each.name: getattr(found, each.name) for each in fields(found)}
        return cls(**values, dry_run=dry_run, prints_errors=prints_errors, tensors=tensors)

    def __str__(self) -> str:
        from coreml_resize_fix.report import text

        return text.render(self._run if self.prints_errors else self._without_errors)

    def to_markdown(self) -> str:
        """Markdown for a comment on GitHub, as `--format markdown` prints it."""
        from coreml_resize_fix.report import markdown

        return markdown.render(self._run)

    def to_json(self) -> str:
        """JSON, as `--format json` prints it; docs/report.md says what is in it."""
        from coreml_resize_fix.report import document

        return document.render(self._run)

    def to_html(self) -> str:
        """A page of its own, with pictures, as `--report report.html` writes it."""
        from coreml_resize_fix.report import html
        from coreml_resize_fix.verify.pictures import with_picture

        found = tuple(with_picture(finding, self.tensors) for finding in self.findings)
        return html.render(Run((replace(self, findings=found),), self.dry_run))

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        from coreml_resize_fix.report import notebook

        return notebook.render(self, self.dry_run)

    @property
    def _run(self) -> Run:
        return Run((self,), self.dry_run)

    @property
    def _without_errors(self) -> Run:
        found = tuple(
            replace(finding, max_abs_error_before=None, max_abs_error_after=None)
            for finding in self.findings
        )
        return Run((replace(self, findings=found),), self.dry_run)
