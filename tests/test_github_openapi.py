"""What does not keep to GitHub's description is found: otherwise tests against the stand-in would show little."""

from tests.github_server import GitHubServer


def test_mistakes_of_requests_and_replies(github_server: GitHubServer) -> None:
    description = github_server.description
    repository = "/repos/{owner}/{repo}"
    dispatch = description.operation("POST", f"{repository}/actions/workflows/{{workflow_id}}/dispatches")
    tags = description.operation("GET", f"{repository}/tags")
    tag = description.example("tag-items")[0]

    def wrong(mistakes: list[str]) -> str:
        (only,) = mistakes
        return only

    assert "no parameter pagesize" in wrong(description.request_mistakes(tags, {"pagesize": "1"}, None))
    assert "takes no body" in wrong(description.request_mistakes(tags, {}, {"a": 1}))
    assert "takes no branch" in wrong(description.request_mistakes(dispatch, {}, {"ref": "main", "branch": "x"}))
    assert "'ref' is a required property" in wrong(description.request_mistakes(dispatch, {}, {"inputs": {}}))
    assert "is not of type 'object'" in wrong(description.request_mistakes(dispatch, {}, {"ref": "a", "inputs": "b"}))

    assert description.reply_mistakes(tags, 200, [tag]) == []
    assert "$[0].name 1 is not of type 'string'" in wrong(description.reply_mistakes(tags, 200, [tag | {"name": 1}]))
    assert wrong(description.reply_mistakes(tags, 201, [tag])).endswith("201?")
    assert "has no body" in wrong(description.reply_mistakes(dispatch, 204, {}))
