"""A vault that hides nothing but keeps the contract: bound to a context, or Invalid."""

from shared.domain.errors import Invalid


class FakeVault:
    def seal(self, value: str, context: str) -> str:
        return f"sealed|{context}|{value}"

    def open(self, sealed: str, context: str) -> str:
        prefix = f"sealed|{context}|"
        if not sealed.startswith(prefix):
            raise Invalid("sealed for something else")
        return sealed.removeprefix(prefix)
