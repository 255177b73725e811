using Matchpoint.Server.Access;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;

namespace Matchpoint.Server.Operations;

/// <summary>The description of the API, as OpenAPI 3.1.</summary>
internal static class OpenApiEndpoint
{
    private const string Document = "matchpoint";

    /// <summary>Adds what makes it.</summary>
    public static void Add(IServiceCollection services) => services.AddOpenApi(Document, static options =>
    {
        options.ShouldInclude = static description => description.ActionDescriptor.EndpointMetadata.OfType<ITagsMetadata>()
            .Any(static tags => tags.Tags.Any(static tag => tag is "data" or "operations"));
        options.AddDocumentTransformer(static (document, _, _) =>
        {
            document.Info = new OpenApiInfo { Title = "Matchpoint", Version = "1", Description = "The data and the operations of one node and its group. Errors are problem details (RFC 9457)." };
            return Task.CompletedTask;
        });
    });

    /// <summary>Maps it.</summary>
    public static void Map(RouteGroupBuilder group) => group.MapGet("openapi.json", DescribeAsync).ExcludeFromDescription().WithMetadata(Door.Open);

    private static async Task DescribeAsync(HttpContext context, [FromKeyedServices(Document)] IOpenApiDocumentProvider provider)
    {
        var document = await provider.GetOpenApiDocumentAsync(context.RequestAborted).ConfigureAwait(false);
        context.Response.ContentType = "application/json";
        var json = await document.SerializeAsJsonAsync(OpenApiSpecVersion.OpenApi3_1, context.RequestAborted).ConfigureAwait(false);
        await context.Response.WriteAsync(json, context.RequestAborted).ConfigureAwait(false);
    }
}
